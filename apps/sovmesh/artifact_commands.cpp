#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "compose/admin_cli.h"
#include "compose/model_cli.h"
#include "compose/serve.h"
#include "config/process_environment.h"
#include "connection.h"
#include "members.h"

// sovmesh model import|test|...: files of models at their versions, and how far each has come.
namespace sovmesh {
namespace {

constexpr const char* kJsonHelp = "Print the API's JSON answer";
constexpr const char* kArtifacts = "/api/v1/artifacts";
constexpr const char* kNameHelp = "NAME@VERSION";
const std::vector<std::string> kColumns{"artifact", "stage",  "format", "architecture",
                                        "bytes",    "models", "tenants"};

struct Flags {
  compose::AdminCli cli;
  std::string artifact;
  std::vector<std::string> tenants;
  bool all_tenants = false;
  std::string retires_at;
  std::string without_test;
  std::string stage;
  compose::ModelImport import;
  compose::ModelTest test;
};
using FlagsPtr = std::shared_ptr<Flags>;

CLI::App* add_verb(CLI::App& model, const FlagsPtr& flags, const std::string& verb,
                   const std::string& help, bool of_one = true) {
  flags->cli.data_dir = "/var/lib/sovmesh";
  CLI::App* command = model.add_subcommand(verb, help);
  add_connection(*command, flags->cli, kJsonHelp);
  if (of_one) command->add_option("ARTIFACT", flags->artifact, kNameHelp)->required();
  return command;
}

std::string path_of(const Flags& flags) {
  return std::string(kArtifacts) + "/" + compose::url_part(flags.artifact);
}

void add_import(CLI::App& model, int& code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = add_verb(model, flags, "import",
                               "Check a model and take it into the data folder, as a draft; on the "
                               "server's machine, as its user or root",
                               false);
  compose::ModelImport& wanted = flags->import;
  command->add_option("PATH", wanted.path, "A .gguf file, or a folder with .safetensors files")
      ->required()
      ->check(CLI::ExistingPath);
  command->add_option("--name", wanted.name, "Its name: a-z, 0-9, '.', '_', '-'")->required();
  command->add_option("--version", wanted.version, "Its version, likewise")->required();
  command->add_option("--licence", wanted.licence, "Default: what the file says");
  command->add_option("--origin", wanted.origin, "Where it comes from, for people");
  command->add_option("--owner", wanted.owner, "Who answers for it");
  command->add_option("--label", wanted.labels, "NAME=VALUE; repeatable");
  command->callback([flags, &code] { code = compose::import_model(flags->cli, flags->import); });
}

void add_test(CLI::App& model, int& code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = add_verb(model, flags, "test",
                               "Ask a set of prompts, judge the answers, keep what came of it");
  compose::ModelTest& wanted = flags->test;
  command->add_option("--set", wanted.set_file, "The set, a JSON file (docs/models.md)")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--model", wanted.model, "The public model that serves it, if several do");
  command->add_option("--gateway", wanted.url, "The gateway, as http://HOST:PORT or unix:/PATH")
      ->required();
  command
      ->add_option_function<std::string>(
          "--api-key-env",
          [flags](const std::string& name) {
            const auto value = config::process_environment(name);
            if (!value) throw CLI::ValidationError("--api-key-env", name + " is not set");
            flags->test.key = Secret(*value);
          },
          "Name of the environment variable that holds a key of a tenant who may call it")
      ->required();
  command->callback([flags, &code] {
    flags->test.artifact = flags->artifact;
    code = compose::test_model(flags->cli, flags->test);
  });
}

// Moves it to a stage.
CLI::App* add_move(CLI::App& model, int& code, const FlagsPtr& flags, const std::string& verb,
                   const std::string& stage, const std::string& help) {
  CLI::App* command = add_verb(model, flags, verb, help);
  command->callback([flags, stage, &code] {
    Members members;
    members.text("stage", stage);
    if (flags->all_tenants) members.raw("tenants", "null");
    members.texts("tenants", flags->tenants);
    members.text("retires_at", flags->retires_at);
    members.text("without_test", flags->without_test);
    code =
        compose::admin_call(flags->cli, "POST", path_of(*flags) + "/move", members.end(), kColumns);
  });
  return command;
}

void add_audience(CLI::App& command, const FlagsPtr& flags) {
  CLI::Option* some = command.add_option("--tenant", flags->tenants, "Who may call it; repeatable");
  command.add_flag("--all-tenants", flags->all_tenants, "Everybody may")->excludes(some);
}

void add_moves(CLI::App& model, int& code) {
  auto flags = std::make_shared<Flags>();
  add_move(model, code, flags, "draft", "draft", "Take it back from its testers");
  flags = std::make_shared<Flags>();
  add_audience(*add_move(model, code, flags, "trial", "testing", "Let testers call it"), flags);
  flags = std::make_shared<Flags>();
  CLI::App* release = add_move(model, code, flags, "release", "released",
                               "Let tenants call it; wants a test run that passed");
  add_audience(*release, flags);
  release->add_option("--without-test", flags->without_test,
                      "Why it needs no test run; stands in the audit log");
  flags = std::make_shared<Flags>();
  add_move(model, code, flags, "deprecate", "deprecated", "Tell whoever uses it that it will end")
      ->add_option("--retires-at", flags->retires_at, "Not before then, as 2027-01-31T00:00:00Z")
      ->required();
  flags = std::make_shared<Flags>();
  add_move(model, code, flags, "retire", "retired", "Let nobody call it any more, for good");
}

}  // namespace

void add_artifact_commands(CLI::App& model, int& code) {
  auto flags = std::make_shared<Flags>();
  CLI::App* list = add_verb(model, flags, "artifacts", "List what was imported", false);
  list->add_option("--stage", flags->stage, "Only these: draft, testing, released...");
  list->callback([flags, &code] {
    std::string target = std::string(kArtifacts) + "?limit=1000";
    if (!flags->stage.empty()) target += "&stage=" + compose::url_part(flags->stage);
    code = compose::admin_call(flags->cli, "GET", target, {}, kColumns);
  });
  flags = std::make_shared<Flags>();
  add_verb(model, flags, "artifact", "Show what was imported")->callback([flags, &code] {
    code = compose::admin_call(flags->cli, "GET", path_of(*flags), {}, kColumns);
  });
  flags = std::make_shared<Flags>();
  add_verb(model, flags, "tests", "List its test runs")->callback([flags, &code] {
    code = compose::admin_call(flags->cli, "GET", path_of(*flags) + "/tests?limit=1000", {},
                               {"at", "set", "model", "passed", "failed"});
  });
  flags = std::make_shared<Flags>();
  add_verb(model, flags, "forget", "Delete a draft or retired artifact with its files")
      ->callback([flags, &code] {
        code = compose::admin_call(flags->cli, "DELETE", path_of(*flags), {}, kColumns);
      });
  add_import(model, code);
  add_test(model, code);
  add_moves(model, code);
}

}  // namespace sovmesh
