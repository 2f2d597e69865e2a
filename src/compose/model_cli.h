#pragma once

#include <string>
#include <vector>

#include "base/secret.h"
#include "compose/admin_cli.h"

namespace sovmesh::compose {

// `sovmesh model import`: copies a model into the data folder's quarantine, has it checked behind
// walls, puts it where its digest says and registers it. On the server's machine, as its user or
// root. Tells how far it is. Returns an exit code.
struct ModelImport {
  std::string path;  // a .gguf file, or a folder
  std::string name;
  std::string version;
  std::string licence;
  std::string origin;
  std::string owner;
  std::vector<std::string> labels;  // NAME=VALUE
};
int import_model(const AdminCli& cli, const ModelImport& wanted);

// `sovmesh model test`: asks each prompt of a set through the gateway, judges the answers, keeps
// what came of it with the artifact and says what became better or worse since the run before. Exit
// code kExitFailed when a case fails.
struct ModelTest {
  std::string artifact;  // NAME@VERSION
  std::string set_file;
  std::string model;  // public model that serves the artifact; empty: the only one
  std::string url;    // of the gateway: http://HOST:PORT or unix:/PATH
  Secret key;         // of a tenant who may call it
};
int test_model(const AdminCli& cli, const ModelTest& wanted);

}  // namespace sovmesh::compose
