/**
 * The endpoint tests of IFTTT's platform: what its test tool does to a service before it may be published.
 *
 * Each asks `test/setup` for a token and samples, as the tool does, then a right request and what is wrong in one thing.
 * They know of a service what its owner declares there: slugs, fields and ingredients.
 */
import { randomBytes } from 'node:crypto'
import type { Platform } from './ifttt.ts'
import {
  type Answer,
  Deviation,
  dataOf,
  deviation,
  emptyOf,
  entriesOf,
  errorsOf,
  isObject,
  isText,
} from './ifttt-answer.ts'
import { actionIdOf, eventsOf, userOf } from './ifttt-contents.ts'

export interface DeclaredService {
  readonly triggers: readonly Declared[]
  readonly actions: readonly (Declared & { readonly maySkip: boolean })[]
  readonly queries: readonly Declared[]
}

export interface Declared {
  readonly slug: string
  /** Fields, and whether the service names what can be chosen. */
  readonly fields: Readonly<Record<string, { readonly options: boolean }>>
  /** What entries have besides `meta`. */
  readonly ingredients: readonly string[]
}

export interface EndpointTest {
  readonly name: string
  run(platform: Platform): Promise<void>
}

/** Events that a trigger has for the tool, at least. */
const fewestEvents = 3

/** As people's fixtures have it. */
const wrong = 'INVALID'

/** All tests of a service, each on its own. */
export function endpointTests(service: DeclaredService): readonly EndpointTest[] {
  return [
    ...ownTests,
    ...service.triggers.flatMap((it) => [...commonTests('triggers', it), ...triggerTests(it)]),
    ...service.actions.flatMap((it) => [...commonTests('actions', it), ...(it.maySkip ? [skipTest(it)] : [])]),
    ...service.queries.flatMap((it) => commonTests('queries', it)),
  ]
}

const ownTests: readonly EndpointTest[] = [
  {
    name: 'status: 200 without a body',
    run: async (platform) => emptyOf(await platform.call('GET', '/status', { key: platform.settings.serviceKey })),
  },
  {
    name: 'status: 401 with a wrong service key and with none',
    async run(platform) {
      errorsOf(await platform.call('GET', '/status', { key: wrong }), 401)
      errorsOf(await platform.call('GET', '/status'), 401)
    },
  },
  { name: 'test/setup: a token and samples', run: async (platform) => void (await setUp(platform)) },
  {
    name: 'test/setup: 401 with a wrong service key and with none',
    async run(platform) {
      errorsOf(await platform.call('POST', '/test/setup', { key: wrong }), 401)
      errorsOf(await platform.call('POST', '/test/setup'), 401)
    },
  },
  {
    name: 'test/setup: keys that are not known do no harm',
    async run(platform) {
      dataOf(await platform.call('POST', '/test/setup', { key: platform.settings.serviceKey }, extra()))
    },
  },
  {
    name: 'user/info: name and id, the same at each call',
    async run(platform) {
      const ask = async () => {
        const { token } = await setUp(platform)
        return userOf(await platform.call('GET', '/user/info', { token }), { access: token })
      }
      const [first, second] = [await ask(), await ask()]
      if (first.id !== second.id) throw new Deviation('GET /user/info: the id of the person of the tests changes')
    },
  },
  {
    name: 'user/info: 401 with a wrong token and with none',
    async run(platform) {
      errorsOf(await platform.call('GET', '/user/info', { token: wrong }), 401)
      errorsOf(await platform.call('GET', '/user/info'), 401)
      // The service key says which service asks, not for whom.
      errorsOf(await platform.call('GET', '/user/info', { key: platform.settings.serviceKey }), 401)
    },
  },
  {
    name: 'a trigger, action or query that is not there: 404',
    async run(platform) {
      const { token } = await setUp(platform)
      for (const kind of ['triggers', 'actions', 'queries'])
        errorsOf(await platform.call('POST', `/${kind}/no_such_thing`, { token }, {}), 404)
    },
  },
]

type Kind = 'triggers' | 'actions' | 'queries'

const fieldsName = { triggers: 'triggerFields', actions: 'actionFields', queries: 'queryFields' } as const

function commonTests(kind: Kind, declared: Declared): readonly EndpointTest[] {
  const path = `/${kind}/${declared.slug}`
  const named = (name: string, run: EndpointTest['run']): EndpointTest => ({ name: `${path.slice(1)}: ${name}`, run })
  const send = async (platform: Platform, change: (body: Body) => unknown): Promise<Answer> => {
    const { token, samples } = await setUp(platform)
    const body = bodyOf(kind, sampleOf(samples, kind, declared))
    return platform.call('POST', path, { token }, change(body))
  }
  const withFields = (body: Body, fields: unknown) => ({ ...body, [fieldsName[kind]]: fields })
  return [
    named('the samples', async (platform) => expectEntries(kind, declared, await send(platform, (body) => body))),
    named('401 with a wrong token and with none', async (platform) => {
      const { samples } = await setUp(platform)
      const body = bodyOf(kind, sampleOf(samples, kind, declared))
      errorsOf(await platform.call('POST', path, { token: wrong }, body), 401)
      errorsOf(await platform.call('POST', path, {}, body), 401)
    }),
    named('keys that are not known do no harm', async (platform) => {
      const changed = (body: Body) => ({
        ...withFields(body, { ...Object(body[fieldsName[kind]]), ...extra() }),
        ...extra(),
      })
      expectEntries(kind, declared, await send(platform, changed))
    }),
    named(`400 without ${fieldsName[kind]}`, async (platform) => {
      if (Object.keys(declared.fields).length === 0) return
      errorsOf(await send(platform, (body) => withFields(body, undefined)), 400)
    }),
    ...Object.entries(declared.fields).flatMap(([field, { options }]) => [
      named(`400 without the field ${field}`, async (platform) => {
        const without = (body: Body) => withFields(body, { ...Object(body[fieldsName[kind]]), [field]: undefined })
        errorsOf(await send(platform, without), 400)
      }),
      ...(options ? optionTests(`${path}/fields/${field}/options`) : []),
    ]),
  ]
}

function triggerTests(declared: Declared): readonly EndpointTest[] {
  const { slug } = declared
  const poll = async (platform: Platform, limit: number) => {
    const { token, samples } = await setUp(platform)
    const body = { ...bodyOf('triggers', sampleOf(samples, 'triggers', declared)), limit }
    return eventsOf(await platform.call('POST', `/triggers/${slug}`, { token }, body), limit)
  }
  return [
    {
      name: `triggers/${slug}: as many events as the limit says, the newest`,
      async run(platform) {
        const all = await poll(platform, 50)
        for (const limit of [1, 0]) {
          const ids = (await poll(platform, limit)).map(({ meta }) => meta.id)
          if (JSON.stringify(ids) !== JSON.stringify(all.slice(0, limit).map(({ meta }) => meta.id)))
            throw new Deviation(`POST /triggers/${slug}: a limit of ${limit} does not give the newest ${limit}`)
        }
      },
    },
    {
      name: `triggers/${slug}: a trigger identity is forgotten, known or not`,
      async run(platform) {
        const { token } = await setUp(platform)
        const path = `/triggers/${slug}/trigger_identity/${randomBytes(20).toString('hex')}`
        const answer = await platform.call('DELETE', path, { token })
        if (answer.status !== 200) throw deviation(answer, 'the status is 200')
        errorsOf(await platform.call('DELETE', path, { token: wrong }), 401)
      },
    },
  ]
}

function optionTests(path: string): readonly EndpointTest[] {
  return [
    {
      name: `${path.slice(1)}: labels and values`,
      async run(platform) {
        const { token } = await setUp(platform)
        const answer = await platform.call('POST', path, { token }, extra())
        const options = entriesOf(answer)
        if (options.length === 0) throw deviation(answer, 'there is something to choose')
        for (const { label, value, values } of options)
          if (!isText(label) || (!isText(value) && !Array.isArray(values)))
            throw deviation(answer, 'an option has a "label" and a "value", or "values"')
      },
    },
    {
      name: `${path.slice(1)}: 401 with a wrong token`,
      run: async (platform) => void errorsOf(await platform.call('POST', path, { token: wrong }, {}), 401),
    },
  ]
}

function skipTest(declared: Declared): EndpointTest {
  return {
    name: `actions/${declared.slug}: skipped for good where it says so`,
    async run(platform) {
      const { token, samples } = await setUp(platform)
      const fields = sampleOf(samples, 'actionRecordSkipping', declared)
      const answer = await platform.call('POST', `/actions/${declared.slug}`, { token }, bodyOf('actions', fields))
      if (errorsOf(answer, 400).every(({ status }) => status !== 'SKIP'))
        throw deviation(answer, 'one of the errors has the status SKIP')
    },
  }
}

function expectEntries(kind: Kind, declared: Declared, answer: Answer): void {
  if (kind === 'actions') return void actionIdOf(answer)
  const entries = kind === 'triggers' ? eventsOf(answer, 50) : entriesOf(answer)
  if (kind === 'triggers' && entries.length < fewestEvents)
    throw deviation(answer, `there are ${fewestEvents} events to look at`)
  for (const entry of entries)
    for (const ingredient of declared.ingredients)
      if (!(ingredient in entry)) throw deviation(answer, `each entry has the ingredient "${ingredient}"`)
}

type Body = Readonly<Record<string, unknown>>

function bodyOf(kind: Kind, fields: Body): Body {
  return {
    [fieldsName[kind]]: fields,
    user: { timezone: 'Pacific Time (US & Canada)' },
    ifttt_source: { id: '2', url: 'https://ifttt.com/myrecipes/personal/2' },
    ...(kind === 'triggers' ? { trigger_identity: randomBytes(20).toString('hex') } : {}),
    ...(kind === 'actions' ? {} : { limit: 50 }),
  }
}

/** What nobody could have known. */
function extra(): Body {
  return { [`extra_${randomBytes(8).toString('hex')}`]: randomBytes(8).toString('hex') }
}

async function setUp(platform: Platform): Promise<{ token: string; samples: Body }> {
  const answer = await platform.call('POST', '/test/setup', { key: platform.settings.serviceKey })
  const data = dataOf(answer)
  if (!isObject(data) || !isText(data['accessToken'])) throw deviation(answer, 'there is an "accessToken"')
  if (!isObject(data['samples'])) throw deviation(answer, 'there are "samples"')
  return { token: data['accessToken'], samples: data['samples'] }
}

/** The fields of a sample; each that is declared has one. */
function sampleOf(samples: Body, kind: Kind | 'actionRecordSkipping', { slug, fields }: Declared): Body {
  const ofKind = samples[kind]
  const sample = isObject(ofKind) ? ofKind[slug] : undefined
  if (!isObject(sample)) throw new Deviation(`POST /test/setup: there is no sample for ${kind} ${slug}`)
  for (const field of Object.keys(fields))
    if (!isText(sample[field])) throw new Deviation(`POST /test/setup: the sample of ${kind} ${slug} lacks ${field}`)
  return sample
}
