/**
 * How the tests run: files side by side in a few processes, one after the other in each, with databases of their own.
 *
 * A process keeps what it has loaded and compiled: half of what a small file takes is that. So no file may leave
 * anything behind in its process (`test/support/leave-clean.ts`), and embedded databases are lent to one after the other
 * (`test/support/embedded-pool.ts`). `test/support/prepare.ts` makes what all share once per run; the reporter says what
 * could not run and why.
 */
import { defineConfig } from 'vitest/config'
import { missingTools } from './test/support/missing-tools.ts'
import { SlowFirst } from './test/support/slow-first.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/prepare.ts'],
    setupFiles: ['test/support/leave-clean.ts'],
    pool: 'forks',
    isolate: false,
    // A core that is kept free is a core wasted.
    maxWorkers: '100%',
    watch: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
    sequence: { sequencer: SlowFirst, shuffle: { files: false, tests: true } },
    reporters: ['default', missingTools()],
  },
})
