/** Words of the pages where there is no page: in a chat, which shows no markup of ours. */
import type { Html } from './html.ts'

const characters: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&#96;': '`',
}

/** The text of a piece of a page, without its tags. */
export function plainText({ markup }: Html): string {
  return markup.replace(/<[^>]*>/g, '').replace(/&#?\w+;/g, (entity) => characters[entity] ?? entity)
}
