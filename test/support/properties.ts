/**
 * What must hold for whatever somebody sends: the inputs, and how often they are tried.
 *
 * The seed is fixed, so that a run today finds what one tomorrow finds, and stands in the name of each test.
 * `PROPERTY_SEED` and `PROPERTY_RUNS` look elsewhere and further.
 */
import fc from 'fast-check'
import { test } from 'vitest'

const seed = Number(process.env['PROPERTY_SEED'] ?? 9700)
const runs = process.env['PROPERTY_RUNS']

interface Trials {
  /** How many inputs are tried. */
  readonly runs?: number
  /** Inputs that are tried before the random ones. */
  readonly examples?: readonly unknown[]
}

/** One test: `claim` throws for an input that breaks the promise. What fails is made as small as it can be. */
export function always<T>(
  promise: string,
  inputs: fc.Arbitrary<T>,
  claim: (input: T) => void | Promise<void>,
  { runs: usual = 1000, examples = [] }: Trials = {},
): void {
  test(`${promise} (seed ${seed})`, async () => {
    const property = fc.asyncProperty(inputs, async (input) => claim(input))
    await fc.assert(property, {
      seed,
      numRuns: Number(runs ?? usual),
      examples: examples.map((example) => [example as T]),
      // A claim that takes longer is itself the finding: what is read is short.
      interruptAfterTimeLimit: 40_000,
      markInterruptAsFailure: false,
    })
  })
}

/** What means something to a parser: of addresses, forms, headers, JSON, markup, SQL, file systems, and to people’s eyes. */
const signs = [
  ...'/\\:?#@&=+%.,;*!\'"()[]{}<>|^`~$-_ \t\r\n\0',
  '://',
  '//',
  '..',
  '%00',
  '%2e',
  '%0d%0a',
  '%zz',
  '\u00ad',
  '\u200b',
  '\u202e',
  '\u2028',
  '\u3002',
  '\ufeff',
  '\ufffd',
  '\ud800',
  '\uff0e',
  'é',
  'ﬁ',
  'ﷺ',
  'İ',
  '👩‍👧',
  '\u0300'.repeat(4),
  '__proto__',
  'constructor',
  'toString',
  'null',
  'true',
  '-1',
  '1e309',
  '9007199254740993',
  '0x7f',
  'localhost',
  '127.0.0.1',
  '[::1]',
  'app.example',
  'evil.example',
  'xn--',
  'https',
  'http',
  'javascript:',
  'data:',
  'did:plc:',
  'did:web:',
  'at://',
  'openid',
  'repo:',
  'rpc:',
  'eyJ',
  '<script>',
  'alice',
  '77010000001',
]

/** Texts of all kinds: what means something, what is random, what is long. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.constantFrom(...signs), { maxLength: 12 }).map((parts) => parts.join('')) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 2, arbitrary: fc.string({ maxLength: 80 }) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...signs), fc.nat(3000)).map(([sign, times]) => sign.repeat(times)),
  },
)

/** A text as it is, or changed at a few places: something taken out, put in or repeated. */
export function near(text: string): fc.Arbitrary<string> {
  const edit = fc.record({
    at: fc.nat(text.length),
    length: fc.nat(3),
    insert: fc.oneof(
      hostileText.map((other) => other.slice(0, 20)),
      fc.constant(''),
    ),
  })
  return fc
    .array(edit, { maxLength: 3 })
    .map((edits) =>
      edits.reduce((now, { at, length, insert }) => now.slice(0, at) + insert + now.slice(at + length), text),
    )
}

/** JSON of all kinds, with names that mean something to a program. */
export const hostileJson: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }),
  fc.dictionary(fc.oneof(hostileText, fc.constantFrom('__proto__', 'constructor', 'toString')), fc.jsonValue(), {
    maxKeys: 4,
    noNullPrototype: true,
  }),
  hostileText,
)
