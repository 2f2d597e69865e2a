#include "rt/timer_wheel.h"
