/**
 * The English words, and by their shape the list of everything a language has to say.
 *
 * Sentences are whole, so that another language can order them its own way; those with a name inside take it as
 * markup and give markup back. No page says anything that does not stand here. Times are in UTC.
 */
import type { PageProblem, RefusedReason } from '../../adapters/identity/contract.ts'
import { type Html, html } from '../html.ts'
import type { RepoAction } from '../permission.ts'

const problems: Record<PageProblem, string> = {
  'wrong-credentials': 'That email and password don’t match. Check both and try again.',
  'too-many-tries': 'Too many tries.',
  'wrong-code': 'That code didn’t work. Codes change every 30 seconds and work only once; enter the newest one.',
  'invalid-email': 'Enter an email address such as name@example.com.',
  'email-unavailable': 'An account can’t be created with that email. If you already have one, sign in instead.',
  'password-too-short': 'That password is too short. Use at least 8 characters.',
  'password-too-long': 'That password is too long. Use a shorter one.',
  'password-too-common': 'That password is easy to guess. Choose one that is less common.',
  'registration-closed': 'New accounts can’t be created here at the moment.',
  'invalid-handle': 'That isn’t a handle. Enter one such as alice.bsky.social, a DID, or the address of your PDS.',
  'unknown-handle': 'We couldn’t find that handle. Check the spelling and try again.',
  'unsuitable-host': 'The host of that account doesn’t offer sign-in to apps, or doesn’t know the account.',
  'host-unreachable': 'The host of that account didn’t answer. Try again in a moment.',
  'wrong-number': 'Another number was chosen in Telegram, so nobody was signed in. You can try again with a new code.',
  'invalid-phone': 'That isn’t a phone number that gets codes here. Enter all of it, with the country code.',
  'wrong-phone-code': 'That code didn’t work. Enter the six digits of the newest message.',
  'phone-code-over': 'That code is used up or has expired. Get a new one.',
  'phone-not-shared': 'The number hasn’t been shared yet. Open the chat and press the button there.',
}

const refusals: Record<RefusedReason, string> = {
  cancelled: 'You cancelled that sign-in. Choose how you want to continue.',
  expired: 'That sign-in took too long and has expired. Please try again.',
  invalid: 'We couldn’t confirm who you are. Please try again.',
  unavailable: 'That service can’t be reached right now. Try again in a moment, or choose another way.',
  inactive: 'That account isn’t active where it lives. Bring it back there and try again, or choose another way.',
  unsuitable: 'That service doesn’t take this sign-in. Choose another way.',
  'other-organisation': 'That account isn’t one of the organisation that signs in here. Use your account there.',
}

/** What a scope lets an app do, for the person who is asked. Scopes of resource servers bring their own words. */
const scopes: Readonly<Record<string, string>> = {
  openid: 'Know who you are',
  profile: 'See your name and basic profile',
  email: 'See your email address',
  phone: 'See your phone number',
  address: 'See your postal address',
  atproto: 'See your handle and your permanent identifier (DID)',
  offline_access: 'Keep access when you are away',
  shop: 'See and change everything in one shop of yours',
  ifttt:
    'See your name, and do for you whatever this service offers on IFTTT: watch for events, look things up and act',
}

/** What a scope of a PDS lets an app do there. */
const permissions = {
  transition: {
    generic: 'Read and write everything in your account there, except direct messages and account settings',
    email: 'See the email address of your account there',
    'chat.bsky': 'Read, send and delete your direct messages (Bluesky chat)',
  },
  repo: (actions: readonly RepoAction[], what: Html) => html`${repoVerbs[actions.join(' ')] ?? 'Change'} ${what}`,
  /** Records by their type, as in "Create … posts". */
  collections: {
    '*': 'records of every type',
    'app.bsky.actor.profile': 'your Bluesky profile',
    'app.bsky.feed.generator': 'Bluesky feeds',
    'app.bsky.feed.like': 'Bluesky likes',
    'app.bsky.feed.post': 'Bluesky posts',
    'app.bsky.feed.postgate': 'who may quote your Bluesky posts',
    'app.bsky.feed.repost': 'Bluesky reposts',
    'app.bsky.feed.threadgate': 'who may reply to your Bluesky posts',
    'app.bsky.graph.block': 'Bluesky blocks',
    'app.bsky.graph.follow': 'Bluesky follows',
    'app.bsky.graph.list': 'Bluesky lists',
    'app.bsky.graph.listblock': 'Bluesky list blocks',
    'app.bsky.graph.listitem': 'members of Bluesky lists',
    'app.bsky.graph.starterpack': 'Bluesky starter packs',
    'chat.bsky.actor.declaration': 'who may send you Bluesky messages',
  } as Readonly<Record<string, string>>,
  collection: (name: Html) => html`records of type ${name}`,
  rpc: (method: Html | undefined, service: Html | undefined) => {
    const what = method ?? html`any method`
    return service === undefined
      ? html`Call ${what} at any service in your name`
      : html`Call ${what} at ${service} in your name`
  },
  /** Services by their DID and fragment. */
  services: {
    'did:web:api.bsky.app#bsky_appview': 'Bluesky',
    'did:web:api.bsky.chat#bsky_chat': 'Bluesky chat',
  } as Readonly<Record<string, string>>,
  blob: (what: Html) => html`Upload ${what}`,
  mediaTypes: {
    '*/*': 'files of every kind',
    'image/*': 'pictures',
    'video/*': 'videos',
    'audio/*': 'sound recordings',
  } as Readonly<Record<string, string>>,
  mediaType: (type: Html) => html`files of type ${type}`,
  account: {
    email: {
      read: 'See the email address of your account there',
      manage: 'Change the email address of your account there',
    },
    repo: { read: 'See how your data there is stored', manage: 'Replace all the data in your account there' },
    status: { read: 'See whether your account there is active', manage: 'Deactivate or reactivate your account there' },
  },
  identity: {
    handle: 'Change your handle',
    all: 'Change your handle, and where your account lives: the whole identity',
  },
  and: (before: Html, next: Html, isLast: boolean) => (isLast ? html`${before} and ${next}` : html`${before}, ${next}`),
}

const repoVerbs: Readonly<Record<string, string>> = {
  'create update delete': 'Create, change and delete',
  'create update': 'Create and change',
  'create delete': 'Create and delete',
  'update delete': 'Change and delete',
  create: 'Create',
  update: 'Change',
  delete: 'Delete',
}

export const en = {
  direction: 'ltr' as 'ltr' | 'rtl',

  title: (page: string, product: string) => `${page} · ${product}`,
  titleWithProblem: (title: string) => `Problem: ${title}`,
  opensNewTab: '(opens in a new tab)',

  email: 'Email',
  password: 'Password',
  name: 'Name',
  nameOptional: 'Name (optional)',
  code: 'Code',
  cancel: 'Cancel',
  continue: 'Continue',
  goBack: 'Go back',

  problems,
  refusals,
  scopes,
  permissions,
  retryIn: (seconds: number) => `Please wait ${duration(seconds)}, then try again.`,

  signIn: {
    title: 'Sign in',
    button: 'Sign in',
    toContinueTo: (app: Html) => html`to continue to ${app}`,
    lead: (product: string) => `Use your ${product} account`,
    again: (app: Html) => html`${app} asks you to sign in again.`,
    newHere: (product: string) => `New to ${product}?`,
    register: 'Create an account',
    or: 'or',
    continueWith: (provider: string) => `Continue with ${provider}`,
    cancel: 'Cancel',
    cancelTo: (app: Html) => html`Cancel and return to ${app}`,
  },

  register: {
    title: 'Create your account',
    button: 'Create account',
    passwordHint: 'At least 8 characters. 15 or more is better: a few unrelated words make a good password.',
    haveAccount: 'Already have an account?',
    signIn: 'Sign in',
  },

  addPassword: {
    title: 'Add a password',
    lead: 'Choose the email and the password that you want to sign in with.',
    button: 'Add password',
  },

  secondFactor: {
    title: 'Check it’s you',
    lead: 'Enter the six digits from your authenticator app, or one of your recovery codes.',
    button: 'Continue',
    another: 'Use another account',
  },

  atprotoHandle: {
    title: 'Sign in with your handle',
    label: 'Handle',
    hint: 'For example alice.bsky.social. You sign in where your account lives; we never see your password.',
    button: 'Continue',
  },

  telegramData: {
    title: 'Sign in with Telegram',
    says: 'Telegram says that you are',
    beware: 'Continue only if this is you: otherwise you would be signed in as somebody else.',
    button: 'Continue',
    missing: {
      'telegram-webapp':
        'This page signs you in inside Telegram. If you are there, close it and open it again from the bot: what Telegram tells it counts once, and for five minutes. It needs JavaScript.',
      'telegram-widget':
        'Telegram has not told this page who you are. Choose Telegram again, or another way to sign in. This page needs JavaScript.',
    },
  },

  telegramQr: {
    title: 'Confirm in Telegram',
    choose: 'Open our bot by the picture or the button, press Start there, and choose this number when it asks:',
    number: 'Your number:',
    picture: 'QR picture that opens our bot in Telegram; the button below opens it on this device.',
    scan: 'Scan it with the camera of your phone.',
    open: 'Open Telegram on this device',
    standings: {
      waiting: 'Waiting for you in Telegram. The code lasts two minutes; then a new one comes.',
      noticed: 'Telegram is open. Choose the number there.',
      settled: 'Telegram has answered. Press Continue.',
    },
    continue: 'Continue',
    again: 'Get a new code',
    beware: 'Never scan a picture, or choose a number, that somebody else sends you: you would let them in as you.',
  },

  phone: {
    title: 'Sign in with your phone',
    label: 'Phone number',
    hint: 'For example +7 700 123 45 67. The code comes to Telegram.',
    button: 'Get a code',
  },

  phoneCode: {
    title: 'Enter the code',
    lead: (phone: Html) => html`We sent a code to the Telegram account that has ${phone}, if we know it.`,
    leadAgain: (phone: Html) =>
      html`We sent a new code to the Telegram account that has ${phone}, if we know it. The one before works no more.`,
    hint: (minutes: number) => `Six digits. The code lasts ${minutes} minutes and works once.`,
    button: 'Continue',
    again: 'Send a new code',
    other: 'Use another number',
    nothing: 'No message? Open our bot in Telegram and share your number there: the code comes at once.',
    chat: 'Open Telegram',
  },

  phoneShare: {
    title: 'Share your number',
    lead: (phone: Html) =>
      html`The code was right. Open our bot in Telegram and share ${phone} there, so that we know which account is yours.`,
    button: 'I have shared it',
  },

  chooser: {
    title: 'Sign in',
    noPds: (app: Html) =>
      html`${app} wants to use your account at a PDS, and the account you are signed in with has none. Sign in with the one at your PDS.`,
    secondFactor: {
      needed: (app: Html) => html`${app} asks you to sign in again, with a second factor.`,
      missing: (app: Html) => html`${app} asks for a second factor, and you have signed in without one.`,
      how: (account: Html) =>
        html`If your account has none, turn on two-step sign-in on ${account} first. Then come back here and sign in.`,
      accountPage: 'your account page',
    },
    connecting: (provider: string) =>
      `Sign in to the account that you have. Then you are asked whether ${provider} becomes another way to sign in to it.`,
    none: 'There is no way to sign in at the moment. Please try again later.',
  },

  accountChoice: {
    title: 'Which account?',
    same: (account: Html | undefined) =>
      account === undefined ? 'Continue with the account you are signed in to' : html`Continue as ${account}`,
    other: 'Use another account',
  },

  externalBrowser: {
    title: 'Open this page in your browser',
    reason: (provider: string) =>
      `You are in a browser inside another app, and ${provider} doesn’t let anybody sign in there.`,
    how: 'Open the menu of this app and choose “Open in browser”. Or copy this address into your browser:',
    anyway: 'Try it here all the same',
  },

  newcomer: {
    title: (product: string) => `Welcome to ${product}`,
    lead: (provider: string, person: Html | undefined) =>
      person === undefined
        ? html`You signed in with ${provider} for the first time.`
        : html`You signed in with ${provider} as ${person} for the first time.`,
    known: (email: Html, provider: string) =>
      html`There is an account with the address ${email} already. If it is yours, sign in to it the way you did before, and ${provider} becomes another way to sign in to it.`,
    button: 'Create account',
    separate: 'Create a separate account',
    connectKnown: 'Sign in to that account',
    connect: 'Sign in to an account you have',
    nameHint: 'What apps may call you. You can leave it empty.',
  },

  connect: {
    title: 'Connect to this account?',
    lead: (provider: string, identity: Html, account: Html) =>
      html`${identity} with ${provider} becomes a way to sign in to the account ${account}.`,
    consequence: 'Connect it only if both are yours: whoever can sign in with it can then use this account.',
    connect: 'Connect',
    skip: 'Don’t connect',
  },

  telegramConnect: {
    title: 'Connect your Telegram',
    openLead: 'Go on here if you have just asked our bot for this link. You sign in, and then decide.',
    openBeware: 'Did somebody send you this link? Then close this page: it would connect their Telegram, not yours.',
    decideTitle: 'Connect this Telegram?',
    decideLead: (product: string) =>
      `Whoever holds this Telegram account will be able to sign in to your ${product} account.`,
    who: 'What will be connected:',
    telegram: 'Telegram',
    account: 'Account',
    warningTitle: 'Did somebody send you the link that led here?',
    warning:
      'Then it is their Telegram, whatever name it shows, and they would get into your account. Go on only if you wrote to our bot yourself, a moment ago.',
    connect: 'Connect',
    deny: 'This was not me',
    waitTitle: 'Confirm in Telegram',
    waitLead:
      'Our bot has asked you there whether this is your account. Choose this number; the page then goes on by itself.',
    number: 'Your number:',
    ends: {
      connected: { title: 'Your Telegram is connected', lead: 'You can sign in to your account with it.' },
      taken: {
        title: 'Nothing was connected',
        lead: 'That Telegram belongs to another account here. Two accounts are never made one.',
      },
      denied: { title: 'Nothing was connected', lead: 'You can close this page.' },
      unreachable: {
        title: 'Telegram can’t be reached',
        lead: 'Our bot could not ask you there, and nothing was connected. Send it /connect to try again.',
      },
      over: {
        title: 'This link can’t be used any more',
        lead: 'It works for two minutes, once. Send /connect to our bot to get a new one.',
      },
    },
  },
  link: {
    title: (provider: string) => `Connect ${provider}`,
    needed: (app: Html, provider: string) =>
      html`${app} needs you to sign in with ${provider}, and your account has no such sign-in yet.`,
    account: (account: Html) =>
      html`You are signed in to the account ${account}. What you connect becomes a way to sign in to it.`,
    another: 'Use another account',
    unofferedTitle: 'This did not work',
    unoffered: (app: Html) => html`${app} asks for a way to sign in that is not offered here.`,
    unofferedHelp: 'You can do nothing about it. Tell the people behind the app.',
    taken:
      'That sign-in belongs to another account here. Two accounts are never made one: use that account, or cancel.',
  },

  identityRemoval: {
    title: (provider: string) => `Remove ${provider}?`,
    lead: (identity: Html) =>
      html`${identity} will no longer sign in to your account, and other browsers are signed out.`,
    apps: 'These apps and devices have access to your account. They keep it unless you end it, too:',
    advice: 'End it if somebody else may have signed in that way. You can connect them again at any time.',
    remove: 'Remove, and let them keep access',
    withApps: 'Remove, and end their access',
  },

  consent: {
    title: (app: string) => `Allow ${app}?`,
    heading: (app: Html, product: string) => html`${app} wants to use your ${product} account`,
    signedInAs: (account: Html) => html`Signed in as ${account}`,
    notYou: 'Not you?',
    thisAppCan: 'This will let the app:',
    onResource: (resource: Html) => html`In ${resource}, it can also:`,
    onPds: (account: Html | undefined) =>
      account === undefined ? html`In your PDS account, it can:` : html`In your PDS account ${account}, it can:`,
    onPdsHint: 'You confirm this at your PDS, the host of that account, in the next step.',
    nothing: 'Use your account to sign you in',
    yes: 'yes',
    no: 'no',
    lasting: 'Keep access until you take it back',
    willReturn: (host: Html) => html`You will return to ${host}`,
    checkHost: 'Choose Allow only if you know this address and trust it.',
    allow: 'Allow',
    deny: 'Deny',
    later: 'You can take access back at any time in your account.',
    policies: (app: Html) => html`Read how ${app} treats your data:`,
    policy: 'Privacy policy',
    terms: 'Terms of service',
  },

  /** Of apps that nobody here registered by hand. */
  unverified: {
    nobodyVouches: (app: Html) => html`Nobody here has checked this app. It calls itself ${app}, and any app could.`,
    comesFrom: (host: Html) => html`Its description comes from ${host}.`,
    onThisComputer:
      'It answers to a program on your own computer. Go on only if you started that program yourself, just now.',
    stoppedTitle: 'The app got nothing',
    stopped: (app: Html) => html`What ${app} asked for was not done.`,
    wouldGo: (host: Html) => html`The app wants you to go to ${host}`,
    checkHost: 'Go there only if you know this address and trust it.',
    goOn: (host: string) => `Go to ${host}`,
    forDevelopers: (error: Html) => html`For the people behind the app: ${error}.`,
  },

  /** In the chat of the bot; plain text. */
  approval: {
    asks: (app: string, product: string) => `“${app}” asks for access to your ${product} account.`,
    binding: (message: string) => `It says: “${message}”\nApprove only if you read the same words in the app.`,
    wishes: 'It will be able to:',
    more: (count: number) => `• and ${count} more`,
    warning: 'If you did not just ask it for something, deny.',
    until: (seconds: number) => `You can answer for ${duration(seconds)}.`,
    approve: 'Approve',
    deny: 'Deny',
    ended: {
      allowed: (app: string) => `Approved: “${app}” has access to your account. You can end it on your account page.`,
      denied: (app: string) => `Denied: “${app}” got no access by this.`,
      over: (app: string) => `This request of “${app}” is over. Nothing was allowed.`,
    },
    noticed: { allowed: 'Approved', denied: 'Denied', over: 'This is over. Nothing was allowed.' },
  },

  device: {
    title: 'Connect a device',
    lead: 'Enter the code that your device or app shows.',
    compareLead: 'Compare this code with the one that your device or app shows. Go on only if they are the same.',
    code: 'Code',
    codeHint: 'Eight letters, such as BCDF-GHJK. Capitals and the hyphen don’t matter.',
    beware: 'Enter only a code that you asked for yourself, never one that somebody sent you.',
    problems: {
      'wrong-user-code':
        'That code doesn’t work. Check it, or get a new one from your device: a code lasts ten minutes and works once.',
      'sign-in-first': 'Too many wrong codes are being entered at the moment. Sign in first, then enter yours again.',
    },
    signIn: 'Sign in',
    confirmTitle: (app: string) => `Connect ${app}?`,
    confirmHeading: (app: Html, product: string) => html`${app} on a device wants to use your ${product} account`,
    compare: 'Your device or app must show this code:',
    signedInAs: (account: Html) => html`Signed in as ${account}`,
    asked: 'Who is asking:',
    place: 'From',
    placeOf: (address: Html, country: string | undefined) =>
      country === undefined ? html`address ${address}` : html`${country} (address ${address})`,
    country: (code: string) => new Intl.DisplayNames('en', { type: 'region', fallback: 'none' }).of(code),
    program: 'With',
    programOf: (name: string, system: string | undefined) =>
      system === undefined ? html`<bdi>${name}</bdi>, as it says` : html`${name} on ${system}, as it says`,
    unknownProgram: 'a program that gives no name',
    time: 'At',
    warningTitle: 'Did somebody send you this code or a link to it?',
    warning:
      'Then they would get into your account. Nobody who wants to help you needs this. Go on only if you asked for the code yourself, a moment ago, and can see it in front of you.',
    allow: 'This is my device',
    deny: 'This was not me',
    connected: (app: Html) => html`${app} is connected. You can close this page and go back to your device.`,
    again: 'Enter another code',
    ends: {
      connected: {
        title: 'Your device is connected',
        lead: 'You can close this page and go back to your device.',
      },
      denied: {
        title: 'Nothing was connected',
        lead: 'The device has no access to your account. You can close this page.',
      },
      over: {
        title: 'This code can’t be used any more',
        lead: 'It took too long, or was used already. Get a new code from your device.',
      },
      unavailable: {
        title: 'Back in a moment',
        lead: 'This service cannot reach its database. Get a new code from your device shortly.',
      },
      failed: {
        title: 'Something went wrong here',
        lead: 'It is not your fault, and nothing was connected. Get a new code from your device and try again.',
      },
    },
  },

  pdsLink: {
    title: 'Confirm at your PDS',
    lead: (app: Html, account: Html | undefined) =>
      account === undefined
        ? html`${app} can use your account at your PDS only after you confirm it there.`
        : html`${app} can use ${account} only after you confirm it at your PDS, the host of that account.`,
    retry: 'Go to your PDS',
    problems: {
      interrupted: 'Your PDS hasn’t confirmed yet.',
      cancelled: 'You cancelled at your PDS, so the app has no access there yet.',
      expired: 'That took too long and has expired. Please try again.',
      invalid: 'The answer was not for this account. Sign in at your PDS with the account named above.',
      unavailable: 'Your PDS can’t be reached right now. Nothing is lost: try again in a moment.',
      inactive: 'That account isn’t active at your PDS. Bring it back there and try again, or cancel.',
      unsuitable:
        'Your PDS doesn’t take what this app asks for. If the app is new, try again in ten minutes; otherwise cancel.',
      'other-organisation': 'Your PDS doesn’t let this account in here. Sign in there with another one, or cancel.',
      narrowed: 'Your PDS allowed less than this app needs. Try again and allow everything it asks for, or cancel.',
    },
  },

  error: {
    reference: (reference: Html) => html`Reference: ${reference}`,
    referenceHelp: 'If you ask for help, give this number.',
    home: 'Go to the start page',
    refusedTitle: 'This did not work',
    requestTitle: 'The app sent a request that cannot be answered',
    request: (detail: string) =>
      `Go back to the app and try again. If that does not help, tell the people behind the app: ${detail}.`,
    unknownAppTitle: 'This app is not known here',
    unknownApp:
      'It may have been removed or paused, or the address that led here is wrong. Go back to the app; if that does not help, tell the people behind it.',
    unavailableTitle: 'Back in a moment',
    unavailable: 'This service cannot reach its database. Nothing is lost: try again shortly.',
    internalTitle: 'Something went wrong here',
    internal: 'It is not your fault. Go back and try again.',
    refusals: {
      'other-site': 'This form was sent by another site. Open the page here and try again.',
      'signed-out': 'You are signed out. Go back to the app and sign in again.',
      'choose-allow-or-deny': 'Choose "Allow" or "Deny".',
      'choose-connect-or-deny': 'Choose "Connect" or "This was not me".',
      'begin-at-app': 'Go back to the app and sign in again.',
      'unknown-provider': 'This way to sign in is not offered here.',
      'registration-closed': 'There is no account for this sign-in, and new accounts are not open here.',
      'account-disabled': 'This account is disabled. Ask the people who run this service.',
      'not-a-form': 'Forms are sent as application/x-www-form-urlencoded.',
      'form-too-large': 'The form is larger than this server takes.',
      'form-broken': 'The form did not arrive whole. Go back and send it again.',
      'field-twice': 'A field was sent twice. Go back and send the form again.',
      'no-such-grant': 'This app has no access to your account any more.',
      'no-such-session': 'You are signed out there already.',
      'no-password': 'This account has no password.',
      'no-such-identity': 'This way to sign in is not one of your account any more.',
      'last-identity': 'This is the only way to sign in to your account. Add another one first.',
      'identity-taken': 'That sign-in belongs to another account by now. Go back to the app and sign in again.',
      'no-such-page': 'There is no page at this address.',
      'other-host': 'This server answers under another address.',
    },
  },

  expired: {
    title: 'This sign-in has expired',
    lead: 'It took too long, or was opened in another tab. Nothing is lost: just start again.',
    restart: 'Start again',
    backToApp: (app: Html) => html`Go back to ${app} and sign in from there.`,
    openApp: (app: Html) => html`Open ${app}`,
    backToAnyApp: 'Go back to the app you came from and sign in from there.',
  },

  logout: {
    title: 'Sign out?',
    lead: (product: string) => `You will be signed out of ${product} in this browser.`,
    askedBy: (app: Html) => html`${app} asks whether you want to sign out.`,
    signOut: 'Sign out',
    stay: 'Stay signed in',
    doneTitle: 'You are signed out',
    done: (product: string) => `You are signed out of ${product} in this browser.`,
    doneEverywhere: (product: string) => `You are signed out of ${product} in every browser.`,
    doneFor: (app: Html, product: string) => html`You are signed out of ${product} and ${app} in this browser.`,
    sharedDevice: 'On a shared device, close the browser as well.',
    home: 'Go to the start page',
  },

  account: {
    title: 'Your account',
    notices: {
      'identity-and-apps-removed':
        'That way to sign in is removed. Other browsers are signed out, and no app has access any more.',
      'identity-added': 'The new way to sign in is connected.',
      'identity-removed': 'That way to sign in is removed. Other browsers are signed out.',
      'app-removed': 'The app has no access any more.',
      'session-ended': 'You are signed out there.',
      'pds-ended': 'Apps have no access to your PDS any more.',
      'password-changed': 'Your password is changed. Other browsers are signed out.',
      'second-factor-on': 'Two-step sign-in is on.',
      'second-factor-off': 'Two-step sign-in is off.',
    },
    signOut: 'Sign out',
    profile: 'Profile',
    noName: 'Not given',
    identities: 'Ways to sign in',
    removeIdentity: 'Remove',
    removeIdentityFor: (provider: string, label: string) => `Remove ${provider} ${label}`,
    onlyIdentity: 'Your only way to sign in. Add another one before you remove it.',
    addIdentity: 'Add a way to sign in',
    addIdentityOf: (provider: string) => `${provider}: add as a way to sign in`,
    addIdentityHelp: 'You may be asked to sign in again first.',
    password: 'Password',
    changePassword: 'Change password',
    security: 'Security',
    secondFactor: 'Two-step sign-in',
    secondFactorOn: 'On',
    secondFactorOff: 'Off',
    secondFactorOffHelp: 'Ask for a code from an app on your phone as well as your password.',
    secondFactorOnHelp: 'You are asked for a code from your authenticator app when you sign in.',
    turnOn: 'Set up',
    turnOff: 'Turn off',
    recoveryCodes: 'Recovery codes',
    recoveryCodesLeft: (count: number) => (count === 1 ? '1 code left' : `${count} codes left`),
    recoveryCodesFew: 'Make new ones before you run out.',
    newRecoveryCodes: 'Make new codes',
    apps: 'Connected apps',
    noApps: 'No app has access to your account.',
    since: (date: Html) => html`Since ${date}`,
    lastUsed: (date: Html) => html`last used ${date}`,
    revokeApp: 'Remove access',
    revokeAppFor: (app: string) => `Remove access of ${app}`,
    pds: 'Your PDS',
    pdsOn: 'Connected',
    pdsEnded: 'Not connected',
    pdsApps: (apps: Html) => html`used by ${apps}`,
    pdsEnd: 'End access to your PDS',
    pdsEndedAt: (date: Html) => html`Ended ${date}.`,
    pdsCauses: {
      person: 'You ended it.',
      unused: 'No app needed it any more.',
      'sign-out': 'You signed out.',
      disabled: 'This account was disabled.',
      unreadable: 'This server can’t use it any more.',
      other: 'Your PDS ended it.',
    },
    pdsAgain: 'When you next use an app that needs it, you are asked to confirm at your PDS again.',
    sessions: 'Where you are signed in',
    thisBrowser: 'This browser',
    anotherBrowser: 'Another browser',
    sessionDates: (since: Html, expires: Html) => html`Since ${since}, until ${expires}`,
    endSession: 'End',
    endSessionSince: (since: string) => `End the session since ${since}`,
    signOutEverywhere: 'Sign out everywhere',
    signOutEverywhereHelp: 'Ends every session, this one too.',
  },

  enrol: {
    title: 'Set up two-step sign-in',
    scan: 'Scan this picture with an authenticator app on your phone.',
    picture: 'QR picture for your authenticator app; the same secret stands below as text.',
    orType: 'Can’t scan it? Type this secret into the app:',
    confirm: 'Then enter the six digits that the app shows.',
    button: 'Turn on',
  },

  recoveryCodes: {
    title: 'Save your recovery codes',
    lead: 'If you lose your phone, each of these codes signs you in once instead of the app.',
    once: 'They are shown only now. Keep them where you keep important things, such as a password manager or on paper.',
    list: 'Recovery codes',
    saved: 'I have saved them',
  },

  passwordChange: {
    title: 'Change your password',
    current: 'Current password',
    next: 'New password',
    button: 'Change password',
    wrongCurrent: 'That is not your current password. Try again.',
  },

  home: {
    title: (product: string) => `One account for every ${product} app`,
    lead: (product: string) =>
      `${product} signs you in to apps you trust, and lets you decide what each of them may do.`,
    account: 'Your account',
    signIn: 'Sign in to your account',
    developers: 'For developers',
    developersLead:
      'This is an OpenID Connect provider. Any standard client library finds everything it needs in one document.',
    issuer: 'Issuer',
    discovery: 'Discovery document',
  },

  date: (date: Date) => new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeZone: 'UTC' }).format(date),
  dateAndTime: (date: Date) =>
    `${new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' }).format(date)} UTC`,
}

/** How long, in words; `seconds` is rounded up so that nobody is told to come back too early. */
function duration(seconds: number): string {
  if (seconds < 60) return counted(Math.max(1, Math.ceil(seconds)), 'second')
  if (seconds < 3600) return counted(Math.ceil(seconds / 60), 'minute')
  return counted(Math.ceil(seconds / 3600), 'hour')
}

function counted(count: number, unit: string): string {
  return count === 1 ? `1 ${unit}` : `${count} ${unit}s`
}
