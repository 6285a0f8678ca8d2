/** Words by which a person tells that two messages belong together: one of oktron's, one of the server's. */
import { randomInt } from 'node:crypto'

const first =
  'amber autumn brave bright calm clear cosy early fair gentle golden green happy honest icy keen late light lively lucky merry mild noble plain proud quick quiet silver snowy sunny warm wise'
const second =
  'anchor apple bridge candle castle cloud forest garden harbour island kettle ladder lantern lemon meadow mirror mountain needle orchard paper pillow river rocket saddle shadow spoon summer table tiger valley violin window'

/** Three things that nobody guesses who does not see them, of 100 000. */
export function wordsToCompare(): string {
  return [pick(first), pick(second), String(randomInt(10, 100))].join(' ')
}

function pick(from: string): string {
  const all = from.split(' ')
  return all[randomInt(all.length)] ?? ''
}
