// Included before every source of QuickJS.
#pragma once
// The allocator of WASI cannot say how large a block is; QuickJS then counts without it.
#define malloc_usable_size(pointer) ((size_t)0)
