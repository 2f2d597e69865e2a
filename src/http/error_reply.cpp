#include "http/error_reply.h"
