/** What a new shop is called, speaks and counts in, until its owner says otherwise: by the country of its phone. */

export interface ShopDefaults {
  readonly name: string
  /** IETF language tag. */
  readonly language: string
  /** ISO 4217. */
  readonly currency: string
}

const countries: Readonly<Record<string, { language: string; currency: string }>> = {
  AM: { language: 'hy', currency: 'AMD' },
  AZ: { language: 'az', currency: 'AZN' },
  BY: { language: 'ru', currency: 'BYN' },
  GE: { language: 'ka', currency: 'GEL' },
  KG: { language: 'ru', currency: 'KGS' },
  KZ: { language: 'ru', currency: 'KZT' },
  RU: { language: 'ru', currency: 'RUB' },
  TJ: { language: 'ru', currency: 'TJS' },
  TM: { language: 'ru', currency: 'TMT' },
  TR: { language: 'tr', currency: 'TRY' },
  UA: { language: 'uk', currency: 'UAH' },
  UZ: { language: 'uz', currency: 'UZS' },
}

const words: Readonly<Record<string, string>> = {
  az: 'Mağaza',
  en: 'Shop',
  hy: 'Խանութ',
  ka: 'მაღაზია',
  kk: 'Дүкен',
  ky: 'Дүкөн',
  ru: 'Магазин',
  tr: 'Mağaza',
  uk: 'Магазин',
  uz: 'Do‘kon',
}

/** `spoken` is the language of the person's app, which counts where the country has none of its own here. */
export function shopDefaults(phone: string, country: string, spoken: string | undefined): ShopDefaults {
  const own = countries[country]
  const language = own?.language ?? knownLanguage(spoken) ?? 'en'
  return { name: `${words[language]} ${phone.slice(-4)}`, language, currency: own?.currency ?? 'USD' }
}

function knownLanguage(tag: string | undefined): string | undefined {
  const language = tag?.toLowerCase().split('-')[0] ?? ''
  return Object.hasOwn(words, language) ? language : undefined
}
