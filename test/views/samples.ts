/**
 * Every page in every state, with every text and every address supplied by the test, so that one promise can be held
 * against all of them. A page that is missing here is not tested: `pages.test.ts` compares this list with the folder.
 */
import type { PageProblem, RefusedReason } from '../../adapters/identity/contract.ts'
import { type AccountProps, accountPage } from '../../views/account.ts'
import { accountChoicePage } from '../../views/account-choice.ts'
import { en } from '../../views/catalogue/en.ts'
import { chooserPage } from '../../views/chooser.ts'
import type { ClientCard } from '../../views/client.ts'
import { connectPage } from '../../views/connect.ts'
import { consentPage } from '../../views/consent.ts'
import { type DeviceCodeProblem, deviceCodePage } from '../../views/device-code.ts'
import { deviceConfirmPage } from '../../views/device-confirm.ts'
import { type DeviceEnd, deviceEndPage } from '../../views/device-end.ts'
import { errorPage } from '../../views/error.ts'
import { expiredPage } from '../../views/expired.ts'
import { externalBrowserPage } from '../../views/external-browser.ts'
import { homePage } from '../../views/home.ts'
import { trusted } from '../../views/html.ts'
import { identityRemovalPage } from '../../views/identity-removal.ts'
import type { Surroundings } from '../../views/layout.ts'
import { linkPage } from '../../views/link.ts'
import { logoutPage, signedOutPage } from '../../views/logout.ts'
import { newcomerPage } from '../../views/newcomer.ts'
import { passwordChangePage } from '../../views/password-change.ts'
import { type PdsLinkProblem, pdsLinkPage } from '../../views/pds-link.ts'
import type { Permission } from '../../views/permission.ts'
import { recoveryCodesPage } from '../../views/recovery-codes.ts'
import type { ScopeCard } from '../../views/scope.ts'
import { secondFactorEnrolPage } from '../../views/second-factor-enrol.ts'
import { stepPage } from '../../views/step.ts'
import {
  type TelegramConnectEnd,
  telegramConnectEndPage,
  telegramConnectPage,
  telegramOpenPage,
  telegramWaitPage,
} from '../../views/telegram-connect.ts'
import { unofferedPage } from '../../views/unoffered.ts'
import { stoppedPage } from '../../views/unverified.ts'
import type { Words } from '../../views/words.ts'

export interface Sources {
  readonly words?: Words
  /** Gives each text that is not ours: names, labels, messages. */
  text(plain: string): string
  /** Gives each address. */
  address(plain: string): string
}

export interface Sample {
  /** The file of the page, without its ending. */
  readonly file: string
  readonly state: string
  readonly page: string
}

const passwordProblems = Object.keys(en.problems) as PageProblem[]
const refusals = Object.keys(en.refusals) as RefusedReason[]

/** Renders every page in every state. */
export function samplePages({ words = en, text, address }: Sources): readonly Sample[] {
  const on: Surroundings = {
    words,
    language: 'en',
    productName: text('Habitat'),
    stylesheet: '/assets/style-1.css',
    waitingScript: '/assets/waiting-1.js',
    telegramScript: '/assets/telegram-data-1.js',
  }
  const client = clientCard({ text, address })
  const others = [{ id: text('google'), label: text('Google'), start: address('/interaction/1/start/google') }]
  const action = address('/interaction/1/answer')
  const cancel = address('/interaction/1/cancel')
  const samples: Sample[] = []
  const add = (file: string, state: string, page: string) => samples.push({ file, state, page })

  for (const problem of [undefined, ...passwordProblems]) {
    const asked = problem === undefined ? {} : { problem, retryAfter: 95 }
    const state = problem ?? 'first'
    const email = text('alice@example.com')
    const shared = { action, cancel, client, others }
    add(
      'step',
      `sign-in ${state}`,
      stepPage(on, { ...shared, page: { name: 'password-sign-in', email, canRegister: true, ...asked } }),
    )
    if (problem === undefined) {
      add(
        'step',
        'sign-in first, again',
        stepPage(on, { ...shared, again: true, page: { name: 'password-sign-in', email, canRegister: true } }),
      )
    }
    add(
      'step',
      `register ${state}`,
      stepPage(on, { ...shared, page: { name: 'password-register', email, displayName: text('Alice'), ...asked } }),
    )
    add('step', `second-factor ${state}`, stepPage(on, { ...shared, page: { name: 'second-factor', ...asked } }))
    add(
      'step',
      `atproto-handle ${state}`,
      stepPage(on, { ...shared, page: { name: 'atproto-handle', handle: text('alice.test'), ...asked } }),
    )
    add('password-change', state, passwordChangePage(on, { action, cancel, email, problem, retryAfter: problem && 5 }))
    add(
      'second-factor-enrol',
      state,
      secondFactorEnrolPage(on, { action, cancel, secret: text('JBSWY3DP'), qr, problem }),
    )
  }
  for (const problem of [undefined, 'invalid-phone', 'too-many-tries'] as const) {
    const asked = problem === undefined ? {} : { problem, retryAfter: 95 }
    const page = { name: 'phone', phone: text('+7 700 123 45 67'), ...asked } as const
    add('step', `phone ${problem ?? 'first'}`, stepPage(on, { action, cancel, client, others, page }))
  }
  const shown = { phone: text('+77001234567'), chat: address('https://t.me/habitat_bot?start=p1') }
  for (const problem of [undefined, 'wrong-phone-code', 'phone-code-over', 'too-many-tries'] as const) {
    const asked = problem === undefined ? {} : { problem, retryAfter: 95 }
    const page = { name: 'phone-code', ...shown, minutes: 5, ...asked } as const
    add('step', `phone-code ${problem ?? 'first'}`, stepPage(on, { action, cancel, client, others, page }))
  }
  const another = { name: 'phone-code', ...shown, minutes: 5, again: true } as const
  add('step', 'phone-code first, again', stepPage(on, { action, cancel, client, others, page: another }))
  for (const problem of [undefined, 'phone-not-shared'] as const) {
    const asked = problem === undefined ? {} : { problem, retryAfter: 95 }
    const page = { name: 'phone-share', ...shown, ...asked } as const
    add('step', `phone-share ${problem ?? 'first'}`, stepPage(on, { action, cancel, client, others, page }))
  }
  for (const problem of [undefined, 'invalid-email', 'password-too-short', 'too-many-tries'] as const) {
    const asked = problem === undefined ? {} : { problem, retryAfter: 95 }
    const page = { name: 'password-add', email: text('alice@example.com'), ...asked } as const
    add('step', `add ${problem ?? 'first'}`, stepPage(on, { action, cancel, client, others, page }))
  }
  for (const standing of ['waiting', 'noticed', 'settled'] as const) {
    const page = {
      name: 'telegram-qr',
      code: { link: address('https://t.me/habitat_bot?start=s1'), number: text('47') },
    } as const
    add(
      'step',
      `telegram-qr first ${standing}`,
      stepPage(on, { action, cancel, client, others, standing, events: '/e', page }),
    )
  }
  for (const problem of [undefined, 'wrong-number', 'too-many-tries'] as const) {
    const page = { name: 'telegram-qr', ...(problem && { problem, retryAfter: 95 }) } as const
    add(
      'step',
      `telegram-qr without a code ${problem ?? 'first'}`,
      stepPage(on, { action, cancel, client, others, page }),
    )
  }
  for (const name of ['telegram-webapp', 'telegram-widget'] as const) {
    add('step', `${name} first`, stepPage(on, { action, cancel, client, others, page: { name } }))
  }
  add('step', 'bare', stepPage(on, { page: { name: 'password-sign-in', canRegister: false }, action, others: [] }))
  for (const problem of [undefined, ...refusals]) {
    add('chooser', problem ?? 'first', chooserPage(on, { client, providers: others, cancel, problem }))
  }
  add('chooser', 'no PDS', chooserPage(on, { client, providers: others, cancel, noPds: true }))
  for (const secondFactor of ['needed', 'missing'] as const) {
    add(
      'chooser',
      `second factor ${secondFactor}`,
      chooserPage(on, { client, providers: others, cancel, secondFactor }),
    )
  }
  add('chooser', 'connecting', chooserPage(on, { client, providers: others, cancel, connecting: text('Google') }))
  add('chooser', 'empty', chooserPage(on, { providers: [] }))
  add(
    'external-browser',
    'full',
    externalBrowserPage(on, {
      providerLabel: text('Google'),
      address: address('https://auth.example/authorize?client_id=a'),
      anyway: action,
      cancel,
      client,
      others,
    }),
  )
  add(
    'newcomer',
    'full',
    newcomerPage(on, {
      action,
      cancel,
      client,
      providerLabel: text('Google'),
      name: text('Alice'),
      email: text('a@b.example'),
      known: true,
      canCreate: true,
    }),
  )
  const bare = { action, cancel, providerLabel: text('Google') }
  add('newcomer', 'bare', newcomerPage(on, { ...bare, known: false, canCreate: true }))
  add('newcomer', 'closed', newcomerPage(on, { ...bare, email: text('a@b.example'), known: true, canCreate: false }))
  const both = { identity: text('alice@work.example'), account: text('alice@example.com') }
  const choice = { same: '/interaction/a/account/same', other: '/interaction/a/account/other', cancel: '/c', client }
  add('account-choice', 'full', accountChoicePage(on, { ...choice, account: text('alice@example.com') }))
  add('account-choice', 'bare', accountChoicePage(on, { ...choice, account: undefined }))
  add('connect', 'full', connectPage(on, { ...bare, ...both, client, maySkip: true }))
  add('connect', 'bare', connectPage(on, { ...bare, ...both }))
  for (const problem of [undefined, 'taken', 'unavailable'] as const) {
    const link = {
      ...bare,
      client,
      account: text('alice@example.com'),
      switchAccount: address('/interaction/1/switch'),
    }
    add('link', `needed ${problem ?? 'first'}`, linkPage(on, { ...link, needed: true, problem }))
    add('link', `wanted ${problem ?? 'first'}`, linkPage(on, { ...link, needed: false, problem }))
  }
  const removal = { action, back: address('/account'), provider: text('google'), subject: text('1') }
  const connected = [{ clientId: text('tv'), clientName: text('Television') }]
  add(
    'identity-removal',
    'full',
    identityRemovalPage(on, { ...removal, label: text('a@b.example'), providerLabel: text('Google'), apps: connected }),
  )
  add('unoffered', 'full', unofferedPage(on, { cancel: bare.cancel, client }))
  add(
    'consent',
    'full',
    consentPage(on, {
      action,
      client,
      account: { label: text('alice@example.com') },
      scopes: [{ name: 'openid' }, { name: text('odd:scope') }],
      resources: [
        {
          name: text('Photos'),
          identifier: text('https://photos.example'),
          scopes: [{ name: text('read'), description: text('Look') }],
          details: [
            {
              title: text('Print one'),
              lines: [
                { label: text('Size'), value: text('20 x 30 cm') },
                { label: text('Framed'), value: true },
              ],
            },
          ],
        },
      ],
      pds: { account: text('alice.test'), scopes: everyPermission(text) },
      offline: true,
      switchAccount: address('/interaction/1/switch'),
    }),
  )
  add(
    'consent',
    'bare',
    consentPage(on, {
      action,
      client: { id: text('c1'), host: text('a.example'), firstParty: true },
      account: { label: text('a') },
      scopes: [],
      resources: [],
      offline: false,
    }),
  )
  const unverified = { ...client, unverified: { documentHost: text('app.example') } }
  add(
    'consent',
    'unverified',
    consentPage(on, {
      action,
      client: { ...unverified, host: '127.0.0.1:4000' },
      account: { label: text('a') },
      scopes: [],
      resources: [],
      offline: false,
    }),
  )
  const stopped = { error: text('invalid_scope'), reference: text('ABC'), home: '/' }
  const back = address('https://client.example/cb?error=invalid_scope')
  add('unverified', 'full', stoppedPage(on, { ...stopped, client: unverified, target: back }))
  add('unverified', 'bare', stoppedPage(on, { ...stopped, client: { ...client, unverified: {} }, target: undefined }))
  add(
    'consent',
    'lasting',
    consentPage(on, {
      action,
      client,
      account: { label: text('a') },
      scopes: [{ name: 'ifttt' }],
      resources: [],
      offline: true,
      lasting: true,
    }),
  )
  add(
    'consent',
    'device',
    consentPage(on, {
      action,
      client: { ...client, host: '' },
      account: { label: text('a') },
      scopes: [],
      resources: [],
      offline: true,
      switchAccount: address('/interaction/1/switch'),
    }),
  )
  const deviceProblems: readonly DeviceCodeProblem[] = ['wrong-user-code', 'sign-in-first', 'too-many-tries']
  const device = address('/device')
  add('device-code', 'first', deviceCodePage(on, { action: device, code: '' }))
  add('device-code', 'filled in', deviceCodePage(on, { action: device, code: text('BCDF-GHJK') }))
  for (const problem of deviceProblems) {
    const code = text('BCDF-GHJK')
    const signIn = problem === 'sign-in-first' ? address('/account') : undefined
    add('device-code', problem, deviceCodePage(on, { action: device, code, problem, retryAfter: 95, signIn }))
  }
  const asked = { action: device, code: text('BCDF-GHJK'), client: { ...client, host: '' } }
  const at = new Date('2025-03-04T10:00:00Z')
  add(
    'device-confirm',
    'full',
    deviceConfirmPage(on, {
      ...asked,
      account: text('alice@example.com'),
      scopes: [{ name: 'openid' }, { name: text('odd:scope') }],
      requester: {
        address: text('192.0.2.7'),
        country: 'PT',
        program: { name: text('Firefox'), system: text('Linux') },
        at,
      },
    }),
  )
  add(
    'device-confirm',
    'program',
    deviceConfirmPage(on, {
      ...asked,
      scopes: [],
      requester: { address: text('::1'), program: { name: text('tv') }, at },
    }),
  )
  add(
    'device-confirm',
    'bare',
    deviceConfirmPage(on, { ...asked, scopes: [], requester: { address: text('::1'), at } }),
  )
  for (const end of Object.keys(en.device.ends) as DeviceEnd[]) {
    add('device-end', end, deviceEndPage(on, { end, clientName: text('Television'), again: device }))
  }
  add('device-end', 'connected, no name', deviceEndPage(on, { end: 'connected' }))
  addTelegram(on, add, text('Dana Example'), address('/telegram/connect'))
  add(
    'error',
    'full',
    errorPage(on, {
      title: text('Wrong'),
      message: text('Sorry'),
      reference: text('K7'),
      home: address('/'),
      retry: { action: address('/again'), label: text('Again') },
    }),
  )
  add('error', 'bare', errorPage(on, { title: text('Wrong'), message: text('Sorry') }))
  for (const problem of Object.keys(en.pdsLink.problems) as PdsLinkProblem[]) {
    const account = text('alice.test')
    add('pds-link', problem, pdsLinkPage(on, { retry: action, cancel, client, account, problem }))
  }
  const unnamed = { retry: action, cancel, client, account: undefined }
  add('pds-link', 'bare', pdsLinkPage(on, { ...unnamed, problem: 'narrowed' }))
  add('expired', 'full', expiredPage(on, { restart: address('/authorize?client_id=1'), client }))
  add('expired', 'bare', expiredPage(on, { client }))
  add('logout', 'ask', logoutPage(on, { form: logoutForm, host: text('a.example'), clientName: text('App') }))
  add('logout', 'everywhere', signedOutPage(on, { everywhere: true, home: address('/') }))
  add('logout', 'done', signedOutPage(on, { clientName: text('App'), home: address('/') }))
  add('account', 'full', accountPage(on, account({ text, address }, 'on')))
  add(
    'account',
    'bare',
    accountPage(on, { ...account({ text, address }, 'none'), account: {}, apps: [], identities: [] }),
  )
  for (const cause of [undefined, 'person', text('odd')]) {
    const ended = cause === undefined ? undefined : { at: new Date('2025-03-20T10:00:00Z'), cause }
    const pds = { did: text('did:plc:abc'), since: new Date('2025-03-04T10:00:00Z'), apps: [text('Poster'), text('B')] }
    const shown = account({ text, address }, 'none')
    add('account', `PDS ${cause ?? 'linked'}`, accountPage(on, { ...shown, pds: { ...pds, ended } }))
    const handle = text('alice.test')
    add(
      'account',
      `PDS with handle ${cause ?? 'linked'}`,
      accountPage(on, { ...shown, pds: { ...pds, handle, ended } }),
    )
  }
  add('account', 'no password', accountPage(on, account({ text, address }, 'unavailable')))
  add(
    'recovery-codes',
    'full',
    recoveryCodesPage(on, { codes: [text('k7qx-1'), text('k7qx-2')], done: address('/account') }),
  )
  add(
    'home',
    'first',
    homePage(on, {
      issuer: text('http://localhost:3000'),
      discovery: address('/.well-known/openid-configuration'),
      signedIn: false,
    }),
  )
  add(
    'home',
    'signed in',
    homePage(on, {
      issuer: text('http://localhost:3000'),
      discovery: address('/.well-known/openid-configuration'),
      signedIn: true,
      account: address('/account'),
    }),
  )
  return samples
}

/** A scope of a PDS of every kind, with words of ours and without. */
function everyPermission(text: Sources['text']): readonly ScopeCard[] {
  const permissions: readonly Permission[] = [
    { on: 'transition', part: 'generic' },
    { on: 'repo', collections: ['app.bsky.feed.post', text('com.example.odd')], actions: ['create', 'delete'] },
    { on: 'repo', collections: ['*'], actions: ['create', 'update', 'delete'] },
    { on: 'rpc', methods: [text('com.example.call')], service: text('did:web:api.example#service') },
    { on: 'rpc', methods: ['*'], service: 'did:web:api.bsky.app#bsky_appview' },
    { on: 'rpc', methods: [text('com.example.other')], service: '*' },
    { on: 'blob', types: ['image/*', text('text/plain')] },
    { on: 'account', part: 'email', manage: true },
    { on: 'identity', part: '*' },
  ]
  return permissions.map((permission, index) => ({ name: text(`scope-${index}`), permission }))
}

const qr = trusted('<svg viewBox="0 0 2 2"><path d="M0 0h1v1H0z"></path></svg>')
const logoutForm = trusted(
  '<form id="op.logoutForm" method="post" action="/logout/confirm"><input type="hidden" name="xsrf" value="1"/></form>',
)

function clientCard({ text, address }: Sources): ClientCard {
  return {
    id: text('client-1'),
    name: text('Example'),
    logoUri: address('https://client.example/logo.png'),
    uri: address('https://client.example/'),
    policyUri: address('https://client.example/policy'),
    tosUri: address('https://client.example/terms'),
    host: text('app.example'),
    firstParty: false,
  }
}

function account({ text, address }: Sources, secondFactor: AccountProps['secondFactor']): AccountProps {
  const since = new Date('2025-03-04T10:00:00Z')
  const expires = new Date('2025-03-18T10:00:00Z')
  return {
    account: { name: text('Alice'), email: text('alice@example.com') },
    identities: [
      {
        provider: text('google'),
        subject: text('1'),
        label: text('alice'),
        providerLabel: text('Google'),
        removable: true,
      },
      { provider: text('toy'), subject: text('2'), label: text('al'), providerLabel: text('Toy'), removable: false },
    ],
    addable: [{ provider: text('google'), label: text('Google') }],
    apps: [
      {
        clientId: text('g1'),
        clientName: text('App'),
        host: text('app.example'),
        scopes: [{ name: text('odd') }, { name: 'email' }],
        since,
        lastUsed: expires,
      },
      { clientId: text('g2'), clientName: text(''), scopes: [], since },
    ],
    sessions: [
      { uid: text('u1'), current: true, since, expires },
      { uid: text('u2'), current: false, since, expires },
    ],
    secondFactor,
    recoveryCodesLeft: 2,
    notice: text('Done.'),
    routes: {
      revokeApp: address('/account/apps/revoke'),
      revokeSession: address('/account/sessions/revoke'),
      addIdentity: address('/account/identities/add'),
      removeIdentity: address('/account/identities/remove'),
      endPds: address('/account/pds/end'),
      enrolSecondFactor: address('/account/second-factor/enrol'),
      removeSecondFactor: address('/account/second-factor/remove'),
      recoveryCodes: address('/account/recovery-codes'),
      password: address('/account/password'),
      signOut: address('/account/sign-out'),
      signOutEverywhere: address('/account/sign-out-everywhere'),
    },
  }
}

function addTelegram(
  on: Surroundings,
  add: (file: string, state: string, page: string) => void,
  name: string,
  action: string,
): void {
  const account = { account: name, accountId: name }
  add('telegram-connect', 'first', telegramOpenPage(on, { action }))
  add('telegram-connect', 'decide', telegramConnectPage(on, { action, name, username: name, ...account }))
  add('telegram-connect', 'decide, no username', telegramConnectPage(on, { action, name, ...account }))
  add('telegram-connect', 'wait', telegramWaitPage(on, { number: '47', action, again: action }))
  for (const end of Object.keys(en.telegramConnect.ends) as TelegramConnectEnd[]) {
    add('telegram-connect', end, telegramConnectEndPage(on, { end, account: action }))
  }
}
