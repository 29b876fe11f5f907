#pragma once

// Writes a line for an attempt that must not succeed: a negative result is a denial.
void must_fail(const char *name, long result);
// Writes a line for what must be so.
void must_hold(const char *name, int holds);

void probe_files(void);
void probe_network(void);
void probe_kernel(void);
// Makes a call that ends the process.
void make_fatal_call(const char *name);
