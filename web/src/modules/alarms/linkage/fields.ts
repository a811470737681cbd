import type { Noun } from '../RecordPicker.vue'

/** Actions of a linkage and what each must be told; the form is drawn from this table. */
export type FieldKind = 'text' | 'long' | 'number' | 'codes' | 'choice' | 'numbers' | 'flag' | 'lines' | 'several' | 'records' | 'posts'
export interface Field {
  key: string
  kind: FieldKind
  /** Texts are `alarms.field.<key>`. */
  choices?: readonly string[]
  /** Of `records`: what kind of record is looked for. */
  noun?: Noun
  initial: unknown
  min?: number
  max?: number
  required?: boolean
}

export const ACTIONS: Record<string, readonly Field[]> = {
  open_case: [],
  notify: [{ key: 'posts', kind: 'posts', initial: [] }, { key: 'text', kind: 'long', initial: '' }],
  camera: [{ key: 'radius_m', kind: 'number', initial: 500, min: 1, max: 20_000 }, { key: 'preset', kind: 'text', initial: '' }],
  adjacent: [{ key: 'limit', kind: 'number', initial: 20, min: 1, max: 100 }],
  wind: [],
  nearby: [{ key: 'what', kind: 'choice', choices: ['people', 'cameras', 'permits'], initial: 'people' }, { key: 'radius_m', kind: 'number', initial: 300, min: 1, max: 20_000 }],
  card: [{ key: 'text', kind: 'long', initial: '' }],
  plan: [{ key: 'code', kind: 'text', initial: '', required: true }, { key: 'title', kind: 'text', initial: '' }],
  webhook: [{ key: 'url', kind: 'text', initial: '', required: true }, { key: 'text', kind: 'long', initial: '' }],
}

/** A fresh record of a kind, every field at its first value. */
export const fresh = (kind: string, table: Record<string, readonly { key: string; initial: unknown }[]>): Record<string, unknown> & { kind: string } => ({
  kind, ...Object.fromEntries((table[kind] ?? []).map((f) => [f.key, structuredClone(f.initial)])),
})

/** Words between commas, spaces or lines. */
export const codes = (text: string): string[] => text.split(/[\s,，;；]+/).filter(Boolean)
export const numbers = (text: string): number[] => codes(text).map(Number).filter(Number.isFinite)
