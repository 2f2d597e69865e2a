#include "tenancy/records.h"
