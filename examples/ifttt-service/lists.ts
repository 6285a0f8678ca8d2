/** What the example service is about: each person's shopping lists, kept in memory and gone when it stops. */
import { randomUUID } from 'node:crypto'

export interface Item {
  readonly id: string
  readonly text: string
  readonly addedAt: Date
}

export const listNames: Readonly<Record<string, string>> = { groceries: 'Groceries', hardware: 'Hardware store' }

export interface Lists {
  /** Newest first. */
  items(person: string, list: string): readonly Item[]
  add(person: string, list: string, text: string): Item
}

export function lists(): Lists {
  const kept = new Map<string, Item[]>()
  const keyOf = (person: string, list: string) => JSON.stringify([person, list])
  return {
    items: (person, list) => kept.get(keyOf(person, list)) ?? [],
    add(person, list, text) {
      const item = { id: randomUUID(), text, addedAt: new Date() }
      kept.set(keyOf(person, list), [item, ...(kept.get(keyOf(person, list)) ?? [])])
      return item
    },
  }
}
