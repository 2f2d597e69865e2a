import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { setLocale } from "../lib/format";
import { en, type TextKey } from "./en";

export type Language = "en" | "da";
export const LANGUAGES: Record<Language, string> = { en: "English", da: "Dansk" };
export type Translate = (key: TextKey, values?: Record<string, string | number>) => string;
type Texts = Record<TextKey, string>;

export function fill(text: string, values: Record<string, string | number> = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

const STORED = "sm-language";

// English as the reader's country writes dates and numbers, where the browser says which.
const localeOf = (language: Language) => navigator.languages.find((one) => one.startsWith(language)) ?? language;
function preferred(): Language {
  const said = localStorage.getItem(STORED) ?? navigator.language.slice(0, 2);
  return said === "da" ? "da" : "en";
}

const Context = createContext<{ t: Translate; language: Language; choose: (next: Language) => void } | null>(null);

export function Texts({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(() => {
    const first = preferred();
    setLocale(localeOf(first));
    return first;
  });
  const [texts, setTexts] = useState<Texts | null>(language === "en" ? en : null);
  useEffect(() => {
    let current = true;
    const arrived = (next: Texts) => {
      if (!current) return;
      setLocale(localeOf(language));
      document.documentElement.lang = language;
      setTexts(next);
    };
    if (language === "en") arrived(en);
    else void import("./da").then((module) => arrived(module.da), () => arrived(en));
    return () => {
      current = false;
    };
  }, [language]);
  const choose = useCallback((next: Language) => {
    localStorage.setItem(STORED, next);
    setLanguage(next);
  }, []);
  const value = useMemo(
    () => texts && { t: ((key, values) => fill(texts[key], values)) as Translate, language, choose },
    [texts, language, choose],
  );
  return value && <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useTexts() {
  const value = useContext(Context);
  if (!value) throw new Error("outside of <Texts>");
  return value;
}
export const useT = () => useTexts().t;
