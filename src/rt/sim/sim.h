#pragma once

// The simulated machine, for tests and the simulator. Also here: SimResolver, SimBlockingPool, and
// SimProcessSpawner whose children are C++ objects.
//
//   SimWorld world(seed);                      // clock, randomness, scheduler, event log
//   SimNetwork network(world);                 // sockets on world.loop()
//   auto [a, b] = sim_socket_pair(world);      // two connected sockets
//   world.wire().options.split = false;        // whole reads and writes
//   world.wire().stall(Wire::id_of(*a));       // faults
//   auto value = world.run(some_task(...));    // runs everything until the task has ended
//   world.end();                               // tasks of the test may be left unfinished

#include "rt/sim/blocking.h"
#include "rt/sim/network.h"
#include "rt/sim/process.h"
#include "rt/sim/resolver.h"
#include "rt/sim/world.h"
