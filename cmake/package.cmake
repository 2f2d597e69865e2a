# What `cmake --install` puts under its prefix; scripts/package makes the .deb and the tarball of it.
# The folder lib/sovmesh beside bin/ is where the program looks for what it ships with.
install(FILES LICENSE CHANGELOG.md README.md ARCHITECTURE.md deploy/copyright
        DESTINATION share/doc/sovmesh)
install(DIRECTORY docs/ DESTINATION share/doc/sovmesh/docs)
install(FILES deploy/config/sovmesh.yaml DESTINATION share/sovmesh)
install(FILES deploy/systemd/sovmesh.service deploy/systemd/sovmesh.socket DESTINATION lib/systemd/system)
install(DIRECTORY models/tiny/ DESTINATION lib/sovmesh/models/tiny
        FILES_MATCHING PATTERN "*.gguf" PATTERN "README.md")
install(FILES tools/llama_launcher.py DESTINATION lib/sovmesh)
