import type { RequestListener } from 'node:http'
import { expect, test } from 'vitest'
import { garbageCollection, idleMemory } from '../../server/idle-memory.ts'

test('memory is collected once after a peak: not during it, not again, not for a few health checks', () => {
  let collections = 0
  const memory = idleMemory(() => {
    collections += 1
  })
  const listener = memory.counted(() => undefined)
  const afterRequests = (count: number) => {
    for (let made = 0; made < count; made += 1) listener(...([] as unknown as Parameters<RequestListener>))
    memory.tick()
    return collections
  }
  expect(afterRequests(5)).toBe(0)
  expect(afterRequests(5_000)).toBe(0)
  expect(afterRequests(5)).toBe(1)
  expect(afterRequests(0)).toBe(1)
  expect(afterRequests(5_000)).toBe(1)
  expect(afterRequests(0)).toBe(2)
})

test('a collection can be run, and nobody else can run one', () => {
  const collect = garbageCollection()
  const garbage = () => {
    const kept = new Array(4_000_000).fill(0.5)
    return new WeakRef(kept)
  }
  const reference = garbage()
  return new Promise((resolve) => setImmediate(resolve)).then(() => {
    collect()
    expect(reference.deref()).toBeUndefined()
    expect('gc' in globalThis).toBe(false)
  })
})
