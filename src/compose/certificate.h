#pragma once

#include <memory>

#include "base/result.h"
#include "config/config.h"
#include "rt/tls.h"

namespace sovmesh::compose {

// What the data listeners show. Code::config_invalid when the files cannot be read or do not fit.
Result<std::shared_ptr<const rt::TlsServerContext>> read_certificate(const config::TlsFiles& files);

}  // namespace sovmesh::compose
