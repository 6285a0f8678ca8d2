/** Commands about the shops that apps of the house sign people in to. */
import type { AuditEventName } from '../../adapters/postgres/audit.ts'
import type { Shop } from '../../adapters/postgres/shops.ts'
import { Refusal } from '../errors.ts'
import { hasInvisible } from '../oidc/client-metadata.ts'
import { type Answer, type Command, type Context, type Input, UsageError } from './command.ts'
import { table, time } from './text.ts'

const pageSize = 500
const longestName = 100

export const shopCommands: readonly Command[] = [
  {
    name: 'shop list',
    usage: '',
    summary: 'list the shops that people sign in to by a code in Telegram',
    examples: ['shop list', 'shop list --json'],
    async run({ shops }) {
      const all = await everyShop(shops)
      const rows = all.map((it) => [
        String(it.id),
        it.disabledAt === undefined ? 'enabled' : 'disabled',
        time(it.createdAt),
        it.phone,
        it.accountId ?? '-',
        it.name,
      ])
      return {
        json: { shops: all.map(describe) },
        text: all.length === 0 ? ['No shop.'] : table(['ID', 'STATE', 'OPENED', 'PHONE', 'ACCOUNT', 'NAME'], rows),
      }
    },
  },
  {
    name: 'shop show',
    usage: '<id>',
    summary: 'show a shop',
    arguments: [1, 1],
    examples: ['shop show 1'],
    async run(context, input) {
      const shop = await named(context, input)
      return { json: describe(shop), text: lines(shop) }
    },
  },
  {
    name: 'shop rename',
    usage: '<id> --name <name>',
    summary: 'give a shop another name; tokens that are out keep the one they have',
    arguments: [1, 1],
    options: { name: { type: 'string', value: 'name', summary: 'the new name' } },
    examples: ['shop rename 1 --name "Flowers on Abay"'],
    async run(context, input) {
      const name = input.text('name')?.trim() ?? ''
      if (name === '') throw new UsageError('Say what it is called: --name <name>.')
      if (name.length > longestName) throw new Refusal('invalid', `The name has more than ${longestName} characters.`)
      if (hasInvisible(name))
        throw new Refusal('invalid', 'The name holds a line break or another invisible character.')
      return changed(context, input, 'shop.renamed', 'Renamed', (id) => context.shops.rename(id, name))
    },
  },
  {
    name: 'shop disable',
    usage: '<id>',
    summary: 'close a shop: its tokens end and nobody gets a new one',
    arguments: [1, 1],
    destructive: true,
    examples: ['shop disable 1'],
    run: (context, input) => changed(context, input, 'shop.disabled', 'Disabled', context.shops.disable),
  },
  {
    name: 'shop enable',
    usage: '<id>',
    summary: 'open a disabled shop again',
    arguments: [1, 1],
    examples: ['shop enable 1'],
    run: (context, input) => changed(context, input, 'shop.enabled', 'Enabled', context.shops.enable),
  },
  {
    name: 'shop release',
    usage: '<id>',
    summary: 'take a shop from its owner, for whoever proves its phone number next',
    details: [
      'A shop stays with the Telegram account that opened it, also when the number goes to somebody else. Release it when you know that whoever has the number is to have the shop: a new Telegram account of its owner, for example. Its tokens end.',
    ],
    arguments: [1, 1],
    destructive: true,
    examples: ['shop release 1'],
    run: (context, input) => changed(context, input, 'shop.released', 'Released', context.shops.release),
  },
]

function describe(shop: Shop): Record<string, unknown> {
  return {
    id: shop.id,
    name: shop.name,
    phone: shop.phone,
    telegram_id: shop.telegramId ?? null,
    account_id: shop.accountId ?? null,
    language: shop.language,
    currency: shop.currency,
    created_at: shop.createdAt,
    disabled_at: shop.disabledAt ?? null,
  }
}

function lines(shop: Shop): string[] {
  return [
    `shop ${shop.id}: ${shop.name}`,
    `state: ${shop.disabledAt === undefined ? 'enabled' : `disabled since ${time(shop.disabledAt)}`}`,
    `phone: ${shop.phone}`,
    `telegram id: ${shop.telegramId ?? 'released: nobody'}`,
    `account: ${shop.accountId ?? 'released: nobody'}`,
    `language: ${shop.language}`,
    `currency: ${shop.currency}`,
    `opened: ${time(shop.createdAt)}`,
  ]
}

async function everyShop(shops: Context['shops']): Promise<readonly Shop[]> {
  const all: Shop[] = []
  for (;;) {
    const page = await shops.list({ limit: pageSize, after: all.at(-1)?.id })
    all.push(...page)
    if (page.length < pageSize) return all
  }
}

async function named({ shops }: Context, input: Input): Promise<Shop> {
  const word = input.argument(0) ?? ''
  const shop = /^\d{1,10}$/.test(word) ? await shops.find(Number(word)) : undefined
  if (shop === undefined) throw new Refusal('not-found', `There is no shop "${word}". See: habitat-auth shop list`)
  return shop
}

async function changed(
  context: Context,
  input: Input,
  event: AuditEventName,
  verb: string,
  change: (id: number) => Promise<Shop | undefined>,
): Promise<Answer> {
  const shop = await named(context, input)
  if (isDryRun(event, input)) {
    return { json: { dry_run: true, ...describe(shop) }, text: [`Would have ${verb.toLowerCase()} shop ${shop.id}.`] }
  }
  const after = await change(shop.id)
  if (after === undefined) throw new Refusal('not-found', 'The shop was removed meanwhile.')
  await context.audit.record({ event, accountId: shop.accountId, detail: { shop: shop.id, by: 'administrator' } })
  return { json: describe(after), text: [`${verb} shop ${after.id}, ${after.name}.`] }
}

function isDryRun(event: AuditEventName, input: Input): boolean {
  return ['shop.disabled', 'shop.released'].includes(event) && input.flag('dry-run')
}
