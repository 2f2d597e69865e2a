#pragma once

#include <string>
#include <vector>

namespace sovmesh::compose {

struct DemoOptions {
  std::string data_dir;             // empty: a folder of the user's own
  std::vector<std::string> listen;  // empty: 127.0.0.1:8080 (any free port for a check)
  std::string model_file;           // empty: the tiny model that ships with us
  std::string engine_url;           // not empty: this engine instead of a managed one
  std::string engine_api_key;
  std::string engine_dialect = "openai";
  std::string engine_model;  // its name at that engine; empty: the first one it lists
  std::string log_path;      // empty: DATA_DIR/demo.log
  bool check = false;
  bool sabotage_drop_one_token = false;
};

// `sovmesh demo`: two sample tenants on one engine, a first answer, then a running server. With
// `check`: one question per tenant, plain and streamed, whose usage must agree between the ledger,
// the engine's own counters and what the client counted. Returns an exit code.
int run_demo(DemoOptions options);

}  // namespace sovmesh::compose
