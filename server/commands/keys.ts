/** Commands about the keys that sign tokens. */
import type { Command } from './command.ts'
import { table, time } from './text.ts'

export const keyCommands: readonly Command[] = [
  {
    name: 'keys list',
    usage: '',
    summary: 'list the keys that sign tokens, without their private part',
    examples: ['keys list'],
    async run({ signingKeys }) {
      const all = await signingKeys.list()
      const rows = all.map((key) => [key.kid, key.alg, time(key.createdAt), time(key.retiredAt)])
      return {
        json: {
          keys: all.map((key) => ({
            kid: key.kid,
            alg: key.alg,
            created_at: key.createdAt,
            retired_at: key.retiredAt ?? null,
          })),
        },
        text:
          all.length === 0
            ? ['No key yet: the server makes them when it starts.']
            : table(['KEY', 'ALGORITHM', 'CREATED', 'RETIRED'], rows),
      }
    },
  },
]
