/**
 * How the tests run: files side by side in processes of their own, each with databases of its own.
 *
 * `test/support/prepare.ts` makes what they share once per run; the reporter says what could not run and why.
 */
import { defineConfig } from 'vitest/config'
import { missingTools } from './test/support/missing-tools.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/prepare.ts'],
    pool: 'forks',
    // Most of the time goes into an embedded database each: a core that is kept free is a core wasted.
    maxWorkers: '100%',
    // Each file compiles the database anew and is over before faster code pays for making it.
    execArgv: ['--liftoff-only'],
    watch: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
    sequence: { shuffle: { files: false, tests: true } },
    reporters: ['default', missingTools()],
  },
})
