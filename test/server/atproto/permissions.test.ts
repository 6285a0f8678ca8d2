import { describe, expect, test } from 'vitest'
import { isNsid, methodOf, readsBody } from '../../../server/atproto/methods.ts'
import { judge, opensMoreThanIdentity, readsEmail } from '../../../server/atproto/permissions.ts'

interface Request {
  query?: string
  service?: string
  contentType?: string
  body?: unknown
}

/** What the scopes make of a call: `yes`, the scope that is missing, `malformed`, or `never`. */
function verdict(name: string, scopes: string, { query = '', service, contentType, body }: Request = {}): string {
  const method = methodOf(name)
  if (method === undefined) return 'never'
  const call = { name, method, query: new URLSearchParams(query), service, contentType, body }
  const judgement = judge(call, scopes.split(' '))
  return { allowed: 'yes', missing: 'scope' in judgement ? judgement.scope : '', malformed: 'malformed' }[
    judgement.kind
  ]
}

const post = 'app.bsky.feed.post'
const like = 'app.bsky.feed.like'
const appView = 'did:web:api.bsky.app#bsky_appview'
const encodedAppView = 'did:web:api.bsky.app%23bsky_appview'
const chat = 'did:web:api.bsky.chat#bsky_chat'
const everything =
  'openid atproto transition:generic transition:chat.bsky transition:email account:repo?action=manage account:email?action=manage account:status?action=manage identity:* repo:* blob:*/*'
const write = (action: string, collection: unknown = post) => ({
  $type: `com.atproto.repo.applyWrites#${action}`,
  collection,
})

describe('records (atproto permissions, repo)', () => {
  const create = 'com.atproto.repo.createRecord'
  const put = 'com.atproto.repo.putRecord'
  const remove = 'com.atproto.repo.deleteRecord'
  const apply = 'com.atproto.repo.applyWrites'
  const body = { repo: 'did:plc:alice', collection: post }
  test.for<[string, string, unknown, string]>([
    [create, 'atproto', body, `repo:${post}?action=create`],
    [create, 'atproto transition:generic', body, 'yes'],
    [create, `atproto repo:${post}`, body, 'yes'],
    [create, `atproto repo:${post}?action=create`, body, 'yes'],
    [create, `atproto repo:${post}?action=delete`, body, `repo:${post}?action=create`],
    [create, `atproto repo:${like}`, body, `repo:${post}?action=create`],
    [create, 'atproto repo:*', body, 'yes'],
    [create, 'atproto transition:email blob:*/*', body, `repo:${post}?action=create`],
    [create, everything, {}, 'malformed'],
    [create, everything, [], 'malformed'],
    [create, everything, undefined, 'malformed'],
    [create, everything, { collection: '*' }, 'malformed'],
    [create, everything, { collection: [post] }, 'malformed'],
    [create, everything, { collection: post, Collection: like }, 'malformed'],
    [create, everything, { collection: post, COLLECTION: like }, 'malformed'],
    [put, `repo:${post}`, body, 'yes'],
    [put, `repo:${post}?action=create`, body, `repo:${post}?action=update`],
    [put, `repo:${post}?action=update`, body, `repo:${post}?action=create`],
    [put, `repo:${post}?action=create&action=update`, body, 'yes'],
    [remove, `repo:${post}?action=delete`, body, 'yes'],
    [remove, `repo:${post}?action=create`, body, `repo:${post}?action=delete`],
    [apply, `repo:${post}`, { writes: [write('create'), write('delete')] }, 'yes'],
    [apply, `repo:${post}?action=create`, { writes: [write('create'), write('delete')] }, `repo:${post}?action=delete`],
    [apply, `repo:${post}`, { writes: [write('create'), write('update', like)] }, `repo:${like}?action=update`],
    [apply, 'repo:*', { writes: [write('create'), write('purge')] }, 'malformed'],
    [apply, 'repo:*', { writes: [{ collection: post }] }, 'malformed'],
    [apply, 'repo:*', { writes: [{ ...write('create'), Collection: like }] }, 'malformed'],
    [apply, 'repo:*', { writes: 'none' }, 'malformed'],
    [apply, 'repo:*', { writes: [write('create')], Writes: [write('delete')] }, 'malformed'],
    [apply, 'atproto', { writes: [] }, 'transition:generic'],
    [apply, 'repo:*', { writes: [] }, 'yes'],
  ])('%s with %s', ([name, scopes, given, expected]) => {
    expect(verdict(name, scopes, { body: given })).toBe(expected)
  })
})

describe('files (atproto permissions, blob)', () => {
  const upload = 'com.atproto.repo.uploadBlob'
  test.for<[string, string | undefined, string]>([
    ['blob:image/*', 'image/png', 'yes'],
    ['blob:image/*', 'IMAGE/PNG; charset=x', 'yes'],
    ['blob:image/png', 'image/gif', 'blob:image/gif'],
    ['blob:*/*', 'video/mp4', 'yes'],
    ['transition:generic', 'video/mp4', 'yes'],
    ['atproto repo:*', 'image/png', 'blob:image/png'],
    ['blob:*/*', undefined, 'malformed'],
    ['blob:*/*', 'png', 'malformed'],
    ['blob:image/*', 'image/*', 'malformed'],
    ['blob:image/*', 'image/png, text/html', 'malformed'],
  ])('%s for %s', ([scopes, contentType, expected]) => {
    expect(verdict(upload, scopes, contentType === undefined ? {} : { contentType })).toBe(expected)
  })
})

describe('other services (atproto permissions, rpc)', () => {
  const timeline = 'app.bsky.feed.getTimeline'
  test.for<[string, string, Request, string]>([
    [timeline, 'atproto', {}, `rpc:${timeline}?aud=${encodedAppView}`],
    [timeline, 'transition:generic', {}, 'yes'],
    [timeline, `rpc:${timeline}?aud=${encodedAppView}`, {}, 'yes'],
    [timeline, `rpc:${timeline}?aud=*`, {}, 'yes'],
    [timeline, `rpc:*?aud=${encodedAppView}`, {}, 'yes'],
    [
      timeline,
      `rpc:${timeline}?aud=${encodedAppView}`,
      { service: 'did:web:other.example#view' },
      `rpc:${timeline}?aud=did:web:other.example%23view`,
    ],
    [timeline, `rpc:${timeline}?aud=*`, { service: 'did:web:other.example#view' }, 'yes'],
    [
      'app.bsky.feed.getFeed',
      `rpc:app.bsky.feed.getFeed?aud=*`,
      {},
      `rpc:app.bsky.feed.getFeedSkeleton?aud=${encodedAppView}`,
    ],
    ['app.bsky.feed.getFeed', `rpc?lxm=app.bsky.feed.getFeed&lxm=app.bsky.feed.getFeedSkeleton&aud=*`, {}, 'yes'],
    [
      'chat.bsky.convo.listConvos',
      'transition:generic',
      { service: chat },
      'rpc:chat.bsky.convo.listConvos?aud=did:web:api.bsky.chat%23bsky_chat',
    ],
    ['chat.bsky.convo.listConvos', 'transition:generic transition:chat.bsky', { service: chat }, 'yes'],
    [
      'tools.ozone.moderation.getEvent',
      `rpc:tools.ozone.moderation.getEvent?aud=${encodedAppView}`,
      {},
      'rpc:tools.ozone.moderation.getEvent?aud=*',
    ],
    ['tools.ozone.moderation.getEvent', 'rpc:tools.ozone.moderation.getEvent?aud=*', {}, 'yes'],
    ['com.example.thing.act', 'transition:generic', { service: 'did:web:example.com#thing' }, 'yes'],
    ['com.atproto.moderation.createReport', 'repo:*', { body: {} }, 'rpc:com.atproto.moderation.createReport?aud=*'],
    ['com.atproto.moderation.createReport', 'rpc:com.atproto.moderation.createReport?aud=*', {}, 'yes'],
    // A header at a method of the PDS itself: both are needed.
    [
      'com.atproto.repo.getRecord',
      'repo:*',
      { service: appView },
      `rpc:com.atproto.repo.getRecord?aud=${encodedAppView}`,
    ],
    ['com.atproto.repo.getRecord', 'transition:generic', { service: appView }, 'yes'],
    [
      'app.bsky.notification.registerPush',
      'rpc:app.bsky.notification.registerPush?aud=did:web:push.example%23bsky_notif',
      { body: { serviceDid: 'did:web:push.example' } },
      'yes',
    ],
    [
      'app.bsky.notification.registerPush',
      `rpc:app.bsky.notification.registerPush?aud=${encodedAppView}`,
      { body: { serviceDid: 'did:web:push.example' } },
      'rpc:app.bsky.notification.registerPush?aud=did:web:push.example%23bsky_notif',
    ],
    ['app.bsky.notification.registerPush', 'transition:generic', { body: { serviceDid: 1 } }, 'malformed'],
    [
      'app.bsky.notification.registerPush',
      'transition:generic',
      { body: { serviceDid: 'did:web:a', servicedid: 'did:web:b' } },
      'malformed',
    ],
  ])('%s with %s', ([name, scopes, request, expected]) => {
    expect(verdict(name, scopes, request)).toBe(expected)
  })

  test.for<[string, string, string]>([
    [
      'rpc:com.example.act?aud=did:web:example.com%23thing',
      'lxm=com.example.act&aud=did:web:example.com%23thing',
      'yes',
    ],
    [
      'rpc:com.example.act?aud=did:web:example.com%23thing',
      'lxm=com.example.act&aud=did:web:other.example%23thing',
      'rpc:com.example.act?aud=did:web:other.example%23thing',
    ],
    ['rpc:com.example.act?aud=*', 'aud=did:web:example.com%23thing', 'rpc:*?aud=did:web:example.com%23thing'],
    ['transition:generic', 'aud=did:web:example.com&lxm=com.atproto.repo.uploadBlob', 'yes'],
    [
      'transition:generic',
      'aud=did:web:example.com&lxm=chat.bsky.convo.getLog',
      'rpc:chat.bsky.convo.getLog?aud=did:web:example.com',
    ],
    ['atproto', 'aud=did:web:example.com&lxm=com.example.act', 'rpc:com.example.act?aud=did:web:example.com'],
    ['rpc:com.example.act?aud=*', 'lxm=com.example.act&lxm=com.example.other&aud=did:web:example.com', 'malformed'],
    ['rpc:com.example.act?aud=*', 'lxm=com.example.act&aud=did:web:a.example&aud=did:web:b.example', 'malformed'],
    // A PDS reads an empty method as none, and none as all; its router may read brackets as a list.
    ['rpc:com.example.act?aud=*', 'lxm=&aud=did:web:example.com', 'rpc:*?aud=did:web:example.com'],
    ['transition:generic', 'lxm=com.example.act&lxm[]=chat.bsky.convo.getLog&aud=did:web:example.com', 'malformed'],
    ['transition:generic', 'lxm=com.example.act&LXM=chat.bsky.convo.getLog&aud=did:web:example.com', 'malformed'],
    ['transition:generic', 'lxm=com.example.act&exp=1&aud=did:web:example.com', 'yes'],
  ])('a token for another service: %s, %s', ([scopes, query, expected]) => {
    expect(verdict('com.atproto.server.getServiceAuth', scopes, { query })).toBe(expected)
  })
})

describe('account and identity', () => {
  test.for<[string, string, string]>([
    ['com.atproto.repo.importRepo', 'transition:generic', 'account:repo?action=manage'],
    ['com.atproto.repo.importRepo', 'account:repo', 'account:repo?action=manage'],
    ['com.atproto.repo.importRepo', 'account:repo?action=manage', 'yes'],
    ['com.atproto.server.deactivateAccount', 'transition:generic', 'account:status?action=manage'],
    ['com.atproto.server.deactivateAccount', 'account:status?action=manage', 'yes'],
    ['com.atproto.server.requestEmailConfirmation', 'transition:email', 'account:email?action=manage'],
    ['com.atproto.server.confirmEmail', 'account:email?action=manage', 'yes'],
    ['com.atproto.identity.updateHandle', 'transition:generic', 'identity:handle'],
    ['com.atproto.identity.updateHandle', 'identity:handle', 'yes'],
    ['com.atproto.identity.updateHandle', 'identity:*', 'yes'],
    ['com.atproto.identity.signPlcOperation', 'identity:handle', 'identity:*'],
    ['com.atproto.identity.signPlcOperation', 'identity:*', 'yes'],
    ['com.atproto.identity.submitPlcOperation', 'identity:handle', 'identity:*'],
  ])('%s with %s', ([name, scopes, expected]) => {
    expect(verdict(name, scopes)).toBe(expected)
  })
})

test('who I am is open to every token for a PDS, everything else only to one with more', () => {
  expect(verdict('com.atproto.server.getSession', 'openid atproto')).toBe('yes')
  expect(verdict('com.atproto.server.getSession', 'openid profile email')).toBe('atproto')
  for (const name of ['com.atproto.repo.getRecord', 'com.atproto.sync.getBlob', 'com.atproto.server.describeServer']) {
    expect(verdict(name, 'openid profile email offline_access atproto'), name).toBe('transition:generic')
    expect(verdict(name, `atproto repo:${post}`), name).toBe('yes')
  }
  expect([opensMoreThanIdentity(['openid', 'atproto']), opensMoreThanIdentity(['blob:*/*'])]).toEqual([false, true])
})

test('the e-mail address is open to its scopes alone', () => {
  expect(
    ['transition:email', 'account:email', 'account:email?action=manage'].map((scope) => readsEmail([scope])),
  ).toEqual([true, true, true])
  expect(['transition:generic', 'email', 'account:status', 'atproto'].map((scope) => readsEmail([scope]))).toEqual([
    false,
    false,
    false,
    false,
  ])
})

describe('no token opens what is about sessions, passwords, or the PDS as a whole', () => {
  test.for([
    'com.atproto.server.createSession',
    'com.atproto.server.refreshSession',
    'com.atproto.server.deleteSession',
    'com.atproto.server.createAppPassword',
    'com.atproto.server.listAppPasswords',
    'com.atproto.server.revokeAppPassword',
    'com.atproto.server.createAccount',
    'com.atproto.server.deleteAccount',
    'com.atproto.server.requestAccountDelete',
    'com.atproto.server.activateAccount',
    'com.atproto.server.updateEmail',
    'com.atproto.server.requestEmailUpdate',
    'com.atproto.server.requestPasswordReset',
    'com.atproto.server.resetPassword',
    'com.atproto.server.getAccountInviteCodes',
    'com.atproto.server.createInviteCode',
    'com.atproto.server.reserveSigningKey',
    'com.atproto.admin.getAccountInfo',
    'com.atproto.admin.updateAccountPassword',
    'com.atproto.sync.subscribeRepos',
    'com.atproto.sync.requestCrawl',
    'com.atproto.temp.checkSignupQueue',
    'com.atproto.repo.createrecord',
    'app.bsky.feed.getfeed',
    'app.bsky.notification.registerpush',
    'com.atproto.something.new',
  ])('%s', (name) => {
    expect([verdict(name, everything), verdict(name, everything, { service: appView })]).toEqual(['never', 'never'])
  })
})

test('reading and doing are told apart', () => {
  const directions = ['com.atproto.repo.getRecord', 'com.atproto.repo.createRecord', 'app.bsky.feed.getTimeline'].map(
    methodOf,
  )
  expect(directions.map((method) => [method?.asks, method?.does])).toEqual([
    [true, false],
    [false, true],
    [true, true],
  ])
  expect(directions.map((method) => method !== undefined && readsBody(method))).toEqual([false, true, false])
})

test('a name of a method has one form (atproto, NSID syntax)', () => {
  const good = ['com.atproto.repo.createRecord', 'app.bsky.feed.getTimeline', 'a-0.b-1.c', 'cn.8.lex.stuff']
  expect(good.filter((name) => !isNsid(name))).toEqual([])
  const bad = [
    '',
    'com',
    'com.example',
    'COM.ATPROTO.server.createAppPassword',
    'com.Atproto.server.x',
    'com..atproto.x',
    '.com.a.b',
    'com.a.b.',
    'com.a.b/c',
    'com.a.b%2fc',
    'com.a.b?c',
    'com.a.b@c',
    '../com.a.b',
    'com.a.b\n',
    'com.a.b c',
    'com.a.b-c',
    'com.a.9x',
    '9com.a.b',
    `com.${'a'.repeat(64)}.b`,
    `com.${'a.'.repeat(160)}b`,
  ]
  expect(bad.filter((name) => isNsid(name))).toEqual([])
})
