#include "metering/usage.h"
