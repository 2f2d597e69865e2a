#include "rt/task_group.h"
