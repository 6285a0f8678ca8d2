/**
 * The trigger, the action and the query of the example service: what IFTTT sends in, what it gets back.
 *
 * Knows neither HTTP nor tokens; `person` is the id that introspection gave.
 */
import { type Item, type Lists, listNames } from './lists.ts'
import type { Notify } from './realtime.ts'

/** What IFTTT sent is wrong; `skip` tells it not to try the action again. */
export class Refused extends Error {
  override name = 'Refused'
  readonly skip: boolean

  constructor(message: string, skip = false) {
    super(message)
    this.skip = skip
  }
}

export type Body = Readonly<Record<string, unknown>>

/** Something that IFTTT may ask for: what it sends, on whose behalf; answers what stands under `data`. */
export type Capability = (person: string, body: Body) => unknown

export interface Capabilities {
  readonly triggers: Readonly<Record<string, Capability>>
  readonly actions: Readonly<Record<string, Capability>>
  readonly queries: Readonly<Record<string, Capability>>
  /** What can be chosen for the field `list`, which all three have. */
  options(): readonly { label: string; value: string }[]
  /** IFTTT will not poll under that name any more. */
  forget(person: string, identity: string): void
  /** Gives somebody enough to test with, and names it (`samples` of test/setup). */
  prepareTests(person: string): Body
}

/** `notify` is not waited for: IFTTT polls without it, too. `onError` hears of its failures. */
export function capabilities(lists: Lists, notify: Notify, onError: (error: unknown) => void): Capabilities {
  /** Under which names each person's lists are polled. */
  const polled = new Map<string, { person: string; list: string; identity: string }>()
  const keyOf = (person: string, identity: string) => JSON.stringify([person, identity])

  function itemAdded(person: string, body: Body): unknown {
    const list = knownList(fieldsOf(body, 'triggerFields'))
    const { trigger_identity: identity } = body
    if (typeof identity === 'string') polled.set(keyOf(person, identity), { person, list, identity })
    return lists
      .items(person, list)
      .slice(0, limitOf(body))
      .map((item) => ({
        ...ingredientsOf(item),
        meta: { id: item.id, timestamp: Math.floor(item.addedAt.getTime() / 1000) },
      }))
  }

  function addItem(person: string, body: Body): unknown {
    const fields = fieldsOf(body, 'actionFields')
    const list = textOf(fields, 'list')
    const text = textOf(fields, 'text')
    // The person chose it once and it is gone: trying again cannot help.
    if (!Object.hasOwn(listNames, list)) throw new Refused(`There is no list "${list}" any more.`, true)
    const item = lists.add(person, list, text)
    const concerned = [...polled.values()].filter((poll) => poll.person === person && poll.list === list)
    if (concerned.length > 0) void notify(concerned.map(({ identity }) => identity)).catch(onError)
    return [{ id: item.id }]
  }

  function items(person: string, body: Body): unknown {
    const list = knownList(fieldsOf(body, 'queryFields'))
    return lists.items(person, list).slice(0, limitOf(body)).map(ingredientsOf)
  }

  return {
    triggers: { item_added: itemAdded },
    actions: { add_item: addItem },
    queries: { items },
    options: () => Object.entries(listNames).map(([value, label]) => ({ label, value })),
    forget: (person, identity) => void polled.delete(keyOf(person, identity)),
    prepareTests(person) {
      const sample = { list: 'groceries' }
      // The tests of IFTTT want three events of each trigger.
      for (const text of ['Milk', 'Honey', 'Bread'].slice(lists.items(person, sample.list).length))
        lists.add(person, sample.list, text)
      return {
        triggers: { item_added: sample },
        actions: { add_item: { ...sample, text: 'Butter' } },
        actionRecordSkipping: { add_item: { list: 'closed', text: 'Butter' } },
        queries: { items: sample },
      }
    },
  }
}

function ingredientsOf({ text, addedAt }: Item): Body {
  return { text, added_at: addedAt.toISOString() }
}

function fieldsOf(body: Body, name: string): Body {
  const fields = body[name]
  if (typeof fields !== 'object' || fields === null) throw new Refused(`"${name}" is missing.`)
  return fields as Body
}

function textOf(fields: Body, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string' || value === '') throw new Refused(`The field "${name}" is missing.`)
  return value
}

function knownList(fields: Body): string {
  const list = textOf(fields, 'list')
  if (!Object.hasOwn(listNames, list)) throw new Refused(`There is no list "${list}".`)
  return list
}

/** IFTTT means fifty where it says nothing. */
function limitOf({ limit }: Body): number {
  return typeof limit === 'number' && limit >= 0 ? limit : 50
}
