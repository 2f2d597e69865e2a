#include "rt/event.h"
