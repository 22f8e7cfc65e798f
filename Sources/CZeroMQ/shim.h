// ZeroMQ's C interface as a module.
#pragma once
#include <zmq.h>
