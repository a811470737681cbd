import { createI18n } from 'vue-i18n'
import { modules } from '@/modules'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'

export type Language = 'zh-CN' | 'en'
export const LANGUAGES: Language[] = ['zh-CN', 'en']
const KEY = 'parksight.language'

function initial(): Language {
  const kept = localStorage.getItem(KEY)
  if (kept === 'zh-CN' || kept === 'en') return kept
  return navigator.language.toLowerCase().startsWith('en') ? 'en' : 'zh-CN'
}

type Flat = Record<string, string>

function gather(language: Language, shell: Flat): Flat {
  return Object.assign({}, shell, ...modules.map((m) => m.locales[language])) as Flat
}

export const i18n = createI18n<false>({
  legacy: false,
  locale: initial(),
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': gather('zh-CN', zh), en: gather('en', en) } as never,
  // Keys are flat ("alarms.level.1"), looked up as they are.
  messageResolver: (messages, path) => (messages as Flat)[path] ?? null,
  missingWarn: import.meta.env.DEV,
  fallbackWarn: import.meta.env.DEV,
})

export function language(): Language {
  return i18n.global.locale.value as Language
}

export function setLanguage(next: Language): void {
  i18n.global.locale.value = next
  localStorage.setItem(KEY, next)
  document.documentElement.lang = next
}

/** Translate outside components. */
export const t = (key: string, values?: Record<string, unknown>): string =>
  values ? i18n.global.t(key, values) : i18n.global.t(key)

export function knows(key: string): boolean {
  return i18n.global.te(key) || i18n.global.te(key, 'zh-CN')
}

/**
 * The name of a point without that of the thing it belongs to, where it begins with it:
 * “T-09 styrene tank level” of “T-09 styrene tank” is “level”.
 */
export function shortName(
  point: { name: string; name_en?: string | null },
  thing: { name: string; name_en?: string | null } | null | undefined,
): string {
  const whole = named(point)
  const owner = thing ? named(thing) : ''
  if (!owner || whole === owner || !whole.startsWith(owner)) return whole
  return whole.slice(owner.length).replace(/^[\s·:：-]+/, '') || whole
}

/** The name of a record in the reader's language. */
export function named(record: { name: string; name_en?: string | null }): string {
  return language() === 'en' && record.name_en ? record.name_en : record.name
}
