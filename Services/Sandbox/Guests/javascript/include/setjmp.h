// QuickJS includes this header without using it; the WASI headers refuse it.
#pragma once
