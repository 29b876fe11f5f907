// A guest of the benchmark: computes for about a second and prints a sum.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint8_t sieve[1 << 22];

static unsigned fibonacci(unsigned number) { return number < 2 ? number : fibonacci(number - 1) + fibonacci(number - 2); }

int main(void) {
  uint64_t sum = fibonacci(36), mix = 1;
  for (int round = 0; round < 6; round++) {
    memset(sieve, 1, sizeof sieve);
    for (unsigned number = 2; number < sizeof sieve; number++) {
      if (!sieve[number]) continue;
      sum += number;
      for (unsigned multiple = 2 * number; multiple < sizeof sieve; multiple += number) sieve[multiple] = 0;
    }
  }
  for (unsigned index = 0; index < 100000000; index++) mix = mix * 6364136223846793005u + (mix >> 33) + index;
  printf("%llu\n", (unsigned long long)(sum ^ mix));
  return 0;
}
