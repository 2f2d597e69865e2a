#!/usr/bin/env python3
"""readme.py FILE HEADING LANGUAGE: prints the first ```LANGUAGE block under '## HEADING'."""
import re
import sys

path, heading, language = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    text = file.read()
section = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text, re.M | re.S)
block = section and re.search(rf"^```{language}\n(.*?)^```$", section.group(1), re.M | re.S)
if not block:
    sys.exit(f"readme.py: no {language} block under '{heading}' in {path}")
sys.stdout.write(block.group(1))
