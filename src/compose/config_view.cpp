#include "compose/config_view.h"

#include <utility>

#include "config/load.h"
#include "control/json_text.h"

namespace sovmesh::compose {

std::string ConfigView::json(const std::vector<config::Pool>& pools) const {
  control::JsonText out;
  file.empty() ? out.null("file") : out.text("file", std::string_view(file));
  out.text("revision", std::string_view(config.revision))
      .time("loaded_at", loaded_at)
      .texts("restart_pending", restart_pending);
  if (refused) {
    control::JsonText why;
    why.time("at", refused->at);
    refused->revision.empty() ? why.null("revision")
                              : why.text("revision", std::string_view(refused->revision));
    out.raw("refused", why.text("error", std::string_view(refused->error)).end());
  } else {
    out.null("refused");
  }
  config::Config shown = config;
  config::use_members(shown, pools);
  return out.raw("config", config::effective_json(std::move(shown))).end();
}

}  // namespace sovmesh::compose
