import type { Personal, Priority, Wishes, WishesIn } from './types'

export interface WishesForm {
  language: 'zh-CN' | 'en' | ''
  channels: Record<Priority, Personal[]>
  quiet: boolean
  from: string
  until: string
}

/** What the form starts with: the person's wishes, or what holds without any. */
export function formOf(wishes: Wishes): WishesForm {
  const of = (p: Priority): Personal[] => [...((wishes.channels[p] ?? []) as Personal[])]
  return {
    language: (wishes.language ?? '') as WishesForm['language'],
    channels: { 1: of(1), 2: of(2), 3: of(3), 4: of(4) },
    quiet: wishes.quiet_from !== null,
    from: wishes.quiet_from ?? '22:00',
    until: wishes.quiet_until ?? '07:00',
  }
}

export function bodyOf(form: WishesForm, version: number): WishesIn {
  return {
    version,
    language: form.language || null,
    channels: form.channels as unknown as WishesIn['channels'],
    quiet_from: form.quiet ? form.from : null,
    quiet_until: form.quiet ? form.until : null,
  }
}

/** A channel is put at the end of the order, or taken out of it. */
export function toggled(order: readonly Personal[], kind: Personal): Personal[] {
  return order.includes(kind) ? order.filter((k) => k !== kind) : [...order, kind]
}

const HALF_HOURS = 48
/** The half hours of a day, and the one that is set although it is none of them. */
export function times(set: string): string[] {
  const all = Array.from({ length: HALF_HOURS }, (_, i) => `${String(i >> 1).padStart(2, '0')}:${i % 2 ? '30' : '00'}`)
  return all.includes(set) ? all : [...all, set].sort()
}
