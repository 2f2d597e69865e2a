#include "tenancy/key_format.h"
