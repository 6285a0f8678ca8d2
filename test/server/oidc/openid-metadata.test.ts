import { expect, test } from 'vitest'
import { oneFactor, twoFactors } from '../../../server/oidc/acr.ts'
import { clientRules } from '../../../server/oidc/client-rules.ts'
import { openidProblems } from '../../../server/oidc/openid-metadata.ts'
import { pairwiseSubject } from '../../../server/oidc/pairwise.ts'
import { profiles } from '../../../server/oidc/profiles.ts'

const one = ['https://app.example/cb', 'https://app.example/other']
const two = ['https://app.example/cb', 'https://app.test/cb']

test.each([
  [true, {}],
  [true, { id_token_signed_response_alg: 'EdDSA', userinfo_signed_response_alg: 'ES256' }],
  [false, { id_token_signed_response_alg: 'none' }],
  [false, { userinfo_signed_response_alg: ['ES256', 'RS256'] }],
  [true, { default_acr_values: [twoFactors, oneFactor] }],
  [false, { default_acr_values: [] }],
  [false, { default_acr_values: twoFactors }],
  [false, { default_acr_values: ['gold'] }],
  [true, { default_max_age: 0 }],
  [false, { default_max_age: -1 }],
  [false, { default_max_age: '60' }],
  [false, { default_max_age: 1.5 }],
  [true, { subject_type: 'pairwise', redirect_uris: one }],
  [true, { subject_type: 'public', redirect_uris: two }],
  [false, { subject_type: 'pairwise', redirect_uris: two }],
  [false, { subject_type: 'pairwise', redirect_uris: ['com.example.app:/cb'] }],
  [false, { subject_type: 'private' }],
  [true, { subject_type: 'pairwise', redirect_uris: two, sector_identifier_uri: 'https://app.example/uris.json' }],
  [false, { sector_identifier_uri: 'http://app.example/uris.json' }],
  [false, { sector_identifier_uri: 'https://user@app.example/uris.json' }],
  [false, { sector_identifier_uri: 7 }],
])('taken (%j): %j', (taken, given) => {
  const problems = openidProblems(given)
  expect(problems.length === 0).toBe(taken)
  for (const problem of problems) expect(problem).toMatch(/^("|With).+\.$/)
})

/** Whether the list at `sector_identifier_uri` lets a client be registered. */
async function registered(answer: () => Response): Promise<string> {
  const asked: string[] = []
  const validate = clientRules(async (input) => {
    asked.push(String(input))
    return answer()
  })
  const client = {
    ...profiles.spa.metadata,
    client_id: 'a',
    redirect_uris: two,
    subject_type: 'pairwise',
    sector_identifier_uri: 'https://app.example/uris.json',
  }
  const outcome = await validate(client).then(
    () => 'taken',
    (error: { error?: string }) => String(error.error),
  )
  expect(asked).toEqual(['https://app.example/uris.json'])
  return outcome
}

test('the list of a sector holds every redirect URI, or the client is refused (OIDC Core §8.1)', async () => {
  expect(await registered(() => Response.json([...two, 'https://third.example/cb']))).toBe('taken')
  for (const answer of [
    () => Response.json(two.slice(1)),
    () => Response.json({ uris: two }),
    () => new Response('[', { headers: { 'content-type': 'application/json' } }),
    () => new Response(null, { status: 404 }),
    () => {
      throw new Error('the guarded fetch refused the address')
    },
  ])
    expect(await registered(answer)).toBe('invalid_client_metadata')
})

test('a pairwise subject is the same in one sector, another one in each other, and not to be guessed', () => {
  const [key, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const subject = pairwiseSubject(key, 'app.example', 'usr_1')
  expect(subject).toMatch(/^[\w-]{43}$/)
  expect(pairwiseSubject(key, 'app.example', 'usr_1')).toBe(subject)
  const others = [
    pairwiseSubject(other, 'app.example', 'usr_1'),
    pairwiseSubject(key, 'app.test', 'usr_1'),
    pairwiseSubject(key, 'app.example', 'usr_2'),
    pairwiseSubject(key, 'app.exampleu', 'sr_1'),
  ]
  expect(new Set([subject, ...others]).size).toBe(5)
  expect(() => pairwiseSubject(key, '', 'usr_1')).toThrow(TypeError)
})
