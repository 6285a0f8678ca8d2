import { expect, test } from 'vitest'
import { covers, pdsScope, pdsScopeProblem, permissionOf, reduced } from '../../../server/atproto/scopes.ts'

const appview = 'did:web:api.bsky.app%23bsky_appview'

test.each([
  ['transition:generic', 'transition:generic'],
  ['transition:email', 'transition:email'],
  ['transition:chat.bsky', 'transition:chat.bsky'],
  ['repo:*', 'repo:*'],
  ['repo:app.bsky.feed.post', 'repo:app.bsky.feed.post'],
  ['repo?collection=app.bsky.feed.post', 'repo:app.bsky.feed.post'],
  [
    'repo?collection=app.bsky.feed.post&collection=app.bsky.feed.like',
    'repo?collection=app.bsky.feed.like&collection=app.bsky.feed.post',
  ],
  ['repo?collection=*&collection=app.bsky.feed.like', 'repo:*'],
  ['repo:app.bsky.feed.post?action=delete&action=update&action=create', 'repo:app.bsky.feed.post'],
  ['repo:app.bsky.feed.post?action=delete&action=create', 'repo:app.bsky.feed.post?action=create&action=delete'],
  [`rpc:app.bsky.feed.getTimeline?aud=${appview}`, `rpc:app.bsky.feed.getTimeline?aud=${appview}`],
  ['rpc:app.bsky.feed.getTimeline?aud=*', 'rpc:app.bsky.feed.getTimeline?aud=*'],
  ['blob:image/*', 'blob:image/*'],
  ['blob:IMAGE/PNG', 'blob:image/png'],
  ['blob?accept=image/png&accept=image/*', 'blob:image/*'],
  ['blob?accept=image/png&accept=*/*', 'blob:*/*'],
  ['account:email', 'account:email'],
  ['account:email?action=read', 'account:email'],
  ['account:repo?action=manage', 'account:repo?action=manage'],
  ['identity:handle', 'identity:handle'],
  ['identity:*', 'identity:*'],
])('%s is a scope of a PDS, in one form: %s (atproto permission spec)', (text, normal) => {
  expect(pdsScope(text)).toBe(normal)
  expect(pdsScope(normal)).toBe(normal)
  expect(pdsScopeProblem(text)).toBeUndefined()
})

test.each([
  'atproto',
  'openid',
  '',
  'repo',
  'repo:',
  'repo:read',
  'repo:app.bsky.feed.post?action=read',
  'repo:app.bsky.feed.post?colour=red',
  'repo:app.bsky.feed.post?collection=app.bsky.feed.like',
  'repo:app.bsky.*',
  'rpc:app.bsky.feed.getTimeline',
  'rpc:*?aud=*',
  'rpc:app.bsky.feed.getTimeline?aud=https://api.bsky.app',
  'blob:*',
  'blob:image',
  'blob:*/png',
  'account:password',
  'account:email?action=delete',
  'identity:did',
  'transition:everything',
  'include:app.bsky.authFullApp',
  'include:app.bsky.authFullApp?aud=did:web:api.bsky.app%23bsky_appview',
  'repo:%',
  'rpc:%E0%A4%A?aud=*',
  'REPO:*',
  'repo:app.bsky.feed.post\u0000',
  '__proto__',
  `repo:${'a'.repeat(2_000)}`,
  `blob:${'%2F'.repeat(100_000)}`,
])('%.60s is none', (text) => {
  expect(pdsScope(text)).toBeUndefined()
  expect(permissionOf(text)).toBeUndefined()
  expect(covers([text], text)).toBe(false)
})

test.each([
  ['include:app.bsky.authFullApp', 'not supported'],
  ['repo:read', 'repo:app.bsky.feed.post'],
  ['rpc:app.bsky.feed.getTimeline', 'aud'],
  ['rpc:*?aud=*', 'only one may be *'],
  ['blob:image', 'blob:image/*'],
  ['account:password', 'account:email'],
  ['identity:did', 'identity:handle'],
  ['transition:all', 'transition:generic'],
  [`repo:${'a'.repeat(2_000)}`, 'characters'],
])('%.40s looks like one, and what to write is said: %s', (text, said) => {
  expect(pdsScopeProblem(text)).toContain(said)
})

test.each(['openid', 'notes:read', 'atproto', 'repository:read', 'blobs'])('%s does not look like one', (text) => {
  expect(pdsScopeProblem(text)).toBeUndefined()
})

const post = 'repo:app.bsky.feed.post'
const timeline = `rpc:app.bsky.feed.getTimeline?aud=${appview}`
const messages = `rpc:chat.bsky.convo.getLog?aud=did:web:api.bsky.chat%23bsky_chat`

test.each<[string, string[], string, boolean]>([
  ['a scope covers itself', [post], post, true],
  ['nothing covers nothing', [], post, false],
  ['generic covers records', ['transition:generic'], `${post}?action=create`, true],
  ['generic covers all records', ['transition:generic'], 'repo:*', true],
  ['generic covers uploads', ['transition:generic'], 'blob:*/*', true],
  ['generic covers calls', ['transition:generic'], timeline, true],
  ['generic does not cover direct messages', ['transition:generic'], messages, false],
  ['generic does not cover every method', ['transition:generic'], `rpc:*?aud=${appview}`, false],
  ['generic and chat cover every method', ['transition:generic', 'transition:chat.bsky'], `rpc:*?aud=${appview}`, true],
  ['chat covers direct messages', ['transition:chat.bsky'], messages, true],
  ['chat covers no other calls', ['transition:chat.bsky'], timeline, false],
  ['generic does not cover the e-mail address', ['transition:generic'], 'account:email', false],
  ['generic does not cover the handle', ['transition:generic'], 'identity:handle', false],
  ['generic does not cover chat', ['transition:generic'], 'transition:chat.bsky', false],
  ['no scope stands for generic', ['repo:*', 'blob:*/*', 'transition:chat.bsky'], 'transition:generic', false],
  ['email covers reading the address', ['transition:email'], 'account:email', true],
  ['email does not cover changing the address', ['transition:email'], 'account:email?action=manage', false],
  ['reading the address is not the transition scope', ['account:email'], 'transition:email', false],
  ['all collections cover each', ['repo:*'], post, true],
  ['one collection does not cover all', [post], 'repo:*', false],
  ['one collection does not cover another', [post], 'repo:app.bsky.feed.like', false],
  ['a name that begins alike is another', [post], 'repo:app.bsky.feed.postgate', false],
  ['all actions cover one', [post], `${post}?action=delete`, true],
  ['one action does not cover all', [`${post}?action=create`], post, false],
  ['actions of several scopes add up', [`${post}?action=create`, `${post}?action=update&action=delete`], post, true],
  [
    'collections of several scopes add up',
    [post, 'repo:app.bsky.feed.like'],
    'repo?collection=app.bsky.feed.post&collection=app.bsky.feed.like',
    true,
  ],
  [
    'actions do not leak between collections',
    [`${post}?action=create`, 'repo:app.bsky.feed.like?action=delete'],
    `${post}?action=delete`,
    false,
  ],
  ['any service covers one', ['rpc:app.bsky.feed.getTimeline?aud=*'], timeline, true],
  ['one service does not cover any', [timeline], 'rpc:app.bsky.feed.getTimeline?aud=*', false],
  ['every method covers one', [`rpc:*?aud=${appview}`], timeline, true],
  ['one method does not cover every one', [timeline], `rpc:*?aud=${appview}`, false],
  [
    'another service is another',
    [timeline],
    'rpc:app.bsky.feed.getTimeline?aud=did:web:evil.example%23bsky_appview',
    false,
  ],
  ['every type covers one', ['blob:*/*'], 'blob:image/png', true],
  ['a range covers a type', ['blob:image/*'], 'blob:image/png', true],
  ['a range covers a type in any case', ['blob:image/*'], 'blob:Image/PNG', true],
  ['a range covers itself', ['blob:image/*'], 'blob:image/*', true],
  ['a range does not cover another', ['blob:image/*'], 'blob:video/mp4', false],
  ['a range does not cover what begins alike', ['blob:image/*'], 'blob:imagex/png', false],
  ['a type does not cover its range', ['blob:image/png'], 'blob:image/*', false],
  ['a range does not cover every type', ['blob:image/*'], 'blob:*/*', false],
  ['managing covers reading', ['account:email?action=manage'], 'account:email', true],
  ['reading does not cover managing', ['account:email'], 'account:email?action=manage', false],
  ['another part of the account is another', ['account:repo'], 'account:email', false],
  ['the whole identity covers the handle', ['identity:*'], 'identity:handle', true],
  ['the handle does not cover the identity', ['identity:handle'], 'identity:*', false],
  ['who one is allows nothing at the PDS', ['atproto'], post, false],
  ['what is no scope is never covered', ['transition:generic', 'repo:*'], 'openid', false],
  ['what is no scope covers nothing', ['openid', 'repo:', '*', 'include:app.bsky.authFullApp'], post, false],
])('%s', (_name, granted, wanted, expected) => {
  expect(covers(granted, wanted)).toBe(expected)
})

test.each<[string, string[], string[]]>([
  ['doubles in another form go', [post, 'repo?collection=app.bsky.feed.post'], [post]],
  ['what another one covers goes', [`${post}?action=create`, post, 'blob:image/png'], ['blob:image/png', post]],
  [
    'generic swallows the finer ones',
    [post, timeline, 'transition:generic', messages],
    [messages, 'transition:generic'],
  ],
  ['what is no scope goes', ['openid', 'atproto', post, 'include:a.b.c'], [post]],
  [
    'of parts and their whole the whole is left',
    [post, `${post}?action=create`, `${post}?action=update&action=delete`],
    [post],
  ],
])('%s', (_name, scopes, expected) => {
  expect([...reduced(scopes)].sort()).toEqual([...expected].sort())
  expect(reduced(scopes.toReversed())).toEqual(reduced(scopes))
})

test('what is left covers all that was given, and nothing that was not', () => {
  const given = [post, `${post}?action=create`, 'repo:app.bsky.feed.like', 'blob:image/*', 'blob:image/png', timeline]
  const left = reduced(given)
  for (const scope of given) expect(covers(left, scope)).toBe(true)
  for (const scope of left) expect(covers(given, scope)).toBe(true)
})

test('thousands of scopes are dealt with in a moment', () => {
  const many = Array.from(
    { length: 5_000 },
    (_, index) => `repo:app.example.collection${'x'.repeat(index % 50)}?action=create`,
  )
  const different = Array.from({ length: 5_000 }, (_, index) => `blob:image/a${index}`)
  const begun = performance.now()
  expect(reduced([...many, ...different]).length).toBeGreaterThan(5_000)
  expect(covers(different, 'blob:image/b')).toBe(false)
  expect(performance.now() - begun).toBeLessThan(2_000)
})
