/**
 * The pages that an identity provider can ask for.
 *
 * The switch is exhaustive over `Page`: a page without a template does not compile. Which provider asked, and what it
 * does with the answer, is not known here.
 */
import type { Page, PageProblem, Standing } from '../adapters/identity/contract.ts'
import { type ClientCard, clientName } from './client.ts'
import { button, field, postForm, problemSummary, problemText } from './form.ts'
import { type Html, html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'
import { phoneCodeForm, phoneForm, phoneLead, phoneShareForm } from './phone-forms.ts'
import { cancelForm, type ProviderChoice, providerForms } from './providers.ts'
import { telegramData } from './telegram-data.ts'
import { telegramQr } from './telegram-qr.ts'

export interface StepProps {
  readonly page: Page
  /** POST target of the answer. */
  readonly action: string
  /** POST target that leaves for the app. */
  readonly cancel?: string | undefined
  readonly client?: ClientCard | undefined
  /** Other ways to sign in. */
  readonly others: readonly ProviderChoice[]
  /** Of pages that wait for something elsewhere: how it stands, and where to hear of it. */
  readonly standing?: Standing | undefined
  readonly events?: string | undefined
  /** The person is signed in, and the app wants a sign-in of this moment. */
  readonly again?: boolean | undefined
}

/** Pages on which other ways are offered, too. */
const withOthers: readonly Page['name'][] = [
  'phone',
  'password-sign-in',
  'atproto-handle',
  'telegram-qr',
  'telegram-webapp',
  'telegram-widget',
]

/** The page that asks what the provider needs to know. */
export function stepPage(on: Surroundings, props: StepProps): string {
  const { title, lead, form, waits = false, script } = contentOf(on, props)
  const { problem, retryAfter } = props.page
  const others = withOthers.includes(props.page.name) ? props.others : []
  return layout(on, {
    title,
    problem: problem !== undefined,
    waits,
    script,
    body: html`<h1>${title}</h1>
<p class="lead">${lead ?? continueTo(on, props.client)}</p>
${props.again === true && props.client !== undefined && html`<p>${on.words.signIn.again(clientName(props.client))}</p>`}
${problem !== undefined && problemSummary(problemText(on.words, problem, retryAfter))}
${form}
${others.length > 0 && html`<p class="divider"><span>${on.words.signIn.or}</span></p>${providerForms(on, others)}`}
${cancelForm(on, props.cancel, props.client)}`,
  })
}

/** "to continue to <app>", or whose account is meant when no app is known. */
export function continueTo(on: Surroundings, client: ClientCard | undefined): Html | string {
  return client === undefined ? on.words.signIn.lead(on.productName) : on.words.signIn.toContinueTo(clientName(client))
}

interface Content {
  readonly title: string
  readonly lead?: Html | string
  readonly form: Html
  readonly waits?: boolean
  readonly script?: string
}

function contentOf(on: Surroundings, props: StepProps): Content {
  const { page, action } = props
  switch (page.name) {
    case 'password-sign-in':
      return { title: on.words.signIn.title, form: signInForm(on, page, action) }
    case 'password-register':
      return { title: on.words.register.title, form: registerForm(on, page, action) }
    case 'password-add':
      return {
        title: on.words.addPassword.title,
        lead: on.words.addPassword.lead,
        form: addPasswordForm(on, page, action),
      }
    case 'second-factor':
      return {
        title: on.words.secondFactor.title,
        lead: on.words.secondFactor.lead,
        form: secondFactorForm(on, page, action),
      }
    case 'atproto-handle':
      return { title: on.words.atprotoHandle.title, form: atprotoHandleForm(on, page, action) }
    case 'telegram-qr': {
      const { standing = 'waiting', events = '' } = props
      const form = telegramQr(on, { page, action, events, standing })
      return { title: on.words.telegramQr.title, form, waits: page.code !== undefined }
    }
    case 'telegram-webapp':
    case 'telegram-widget':
      return {
        title: on.words.telegramData.title,
        form: telegramData(on, { page: page.name, action }),
        script: on.telegramScript,
      }
    case 'phone':
      return { title: on.words.phone.title, form: phoneForm(on, page, action) }
    case 'phone-code':
      return { title: on.words.phoneCode.title, lead: phoneLead(on, page), form: phoneCodeForm(on, page, action) }
    case 'phone-share':
      return { title: on.words.phoneShare.title, lead: phoneLead(on, page), form: phoneShareForm(on, page, action) }
    default:
      return page satisfies never
  }
}

type PageNamed<Name extends Page['name']> = Extract<Page, { name: Name }>

function signInForm(on: Surroundings, page: PageNamed<'password-sign-in'>, action: string): Html {
  const { words } = on
  const emailFirst = (page.email ?? '') === '' || isAbout(page.problem, 'email')
  const refused = page.problem === 'wrong-credentials'
  return postForm(
    action,
    html`${field({
      name: 'email',
      label: words.email,
      type: 'email',
      autocomplete: 'username',
      value: page.email,
      autofocus: emailFirst,
      invalid: refused || isAbout(page.problem, 'email'),
    })}
${field({
  name: 'password',
  label: words.password,
  type: 'password',
  autocomplete: 'current-password',
  autofocus: !emailFirst,
  invalid: refused || isAbout(page.problem, 'password'),
})}
${button(words.signIn.button)}
${
  page.canRegister &&
  html`<p class="aside">${words.signIn.newHere(on.productName)} ${button(words.signIn.register, {
    kind: 'quiet',
    name: 'action',
    value: 'register',
    skipValidation: true,
  })}</p>`
}`,
  )
}

function registerForm(on: Surroundings, page: PageNamed<'password-register'>, action: string): Html {
  const { words } = on
  return postForm(
    action,
    html`${field({
      name: 'name',
      label: words.nameOptional,
      type: 'text',
      autocomplete: 'name',
      value: page.displayName,
      required: false,
      autofocus: page.problem === undefined,
    })}
${credentialFields(on, page, false)}
${button(words.register.button)}
<p class="aside">${words.register.haveAccount} ${button(words.register.signIn, {
      kind: 'quiet',
      name: 'action',
      value: 'sign-in',
      skipValidation: true,
    })}</p>`,
  )
}

function addPasswordForm(on: Surroundings, page: PageNamed<'password-add'>, action: string): Html {
  const { words } = on
  return postForm(
    action,
    html`${credentialFields(on, page, page.problem === undefined)}
${button(words.addPassword.button)}`,
  )
}

/** The address and the password that somebody wants to sign in with from now on. */
function credentialFields(
  { words }: Surroundings,
  page: PageNamed<'password-add' | 'password-register'>,
  autofocus: boolean,
): Html {
  return html`${field({
    name: 'email',
    label: words.email,
    type: 'email',
    autocomplete: 'username',
    value: page.email,
    autofocus: autofocus || isAbout(page.problem, 'email'),
    invalid: isAbout(page.problem, 'email'),
  })}
${field({
  name: 'password',
  label: words.password,
  type: 'password',
  autocomplete: 'new-password',
  hint: words.register.passwordHint,
  minlength: 8,
  autofocus: isAbout(page.problem, 'password'),
  invalid: isAbout(page.problem, 'password'),
})}`
}

function secondFactorForm(on: Surroundings, page: PageNamed<'second-factor'>, action: string): Html {
  const { words } = on
  return postForm(
    action,
    html`${field({
      name: 'code',
      label: words.code,
      type: 'text',
      autocomplete: 'one-time-code',
      // Not numeric: a recovery code has letters, and some phones offer no way from the digits to them.
      inputmode: 'text',
      autofocus: true,
      invalid: page.problem === 'wrong-code',
    })}
${button(words.secondFactor.button)}
<p class="aside">${button(words.secondFactor.another, {
      kind: 'quiet',
      name: 'action',
      value: 'sign-in',
      skipValidation: true,
    })}</p>`,
  )
}

function atprotoHandleForm(on: Surroundings, page: PageNamed<'atproto-handle'>, action: string): Html {
  const { words } = on
  return postForm(
    action,
    html`${field({
      name: 'handle',
      label: words.atprotoHandle.label,
      type: 'text',
      autocomplete: 'username',
      hint: words.atprotoHandle.hint,
      value: page.handle,
      autofocus: true,
      invalid: page.problem !== undefined && page.problem !== 'too-many-tries',
    })}
${button(words.atprotoHandle.button)}`,
  )
}

function isAbout(problem: PageProblem | undefined, fieldName: 'email' | 'password'): boolean {
  if (fieldName === 'email') return problem === 'invalid-email' || problem === 'email-unavailable'
  return problem?.startsWith('password-') ?? false
}
