/**
 * The few files that take long by themselves begin first: at the end one process would work on them while the others have
 * nothing left to do.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const slow = [
  'test/views/accessibility.test.ts',
  'test/flows/browser-sign-in.test.ts',
  'test/flows/account-pages.test.ts',
  'test/server/main.test.ts',
  'test/commands/process.test.ts',
  'test/flows/pds-proxy.test.ts',
  'test/attacks/lock-out.test.ts',
  'test/flows/atproto-access.test.ts',
  'test/flows/browser-telegram-qr.test.ts',
  'test/adapters/identity/atproto-conformance.test.ts',
  'test/adapters/atproto/client.test.ts',
]

/** For vitest, which takes no function: the order that it would choose, but for those. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = slow.findIndex((path) => moduleId.endsWith(path))
      return index === -1 ? slow.length : index
    }
    const usual = await super.sort(files)
    return usual.toSorted((one, other) => rank(one) - rank(other))
  }
}
