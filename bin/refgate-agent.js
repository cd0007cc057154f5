#!/usr/bin/env -S node --single-threaded-gc
import '../dist/src/agent/main.js';
