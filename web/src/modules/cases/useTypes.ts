import { shallowRef, watch, type ShallowRef } from 'vue'
import { api } from '@/api/client'
import { i18n } from '@/i18n'
import type { CaseType, CaseTypeRow } from './types'

const rows: ShallowRef<CaseTypeRow[] | null> = shallowRef(null)
const whole = new Map<string, Promise<CaseType>>()
let asked: Promise<void> | null = null

function ask(): Promise<void> {
  asked ??= api
    .get<CaseTypeRow[]>('/case-types')
    .then((got) => {
      rows.value = got
    })
    .catch((failure: unknown) => {
      asked = null
      throw failure
    })
  return asked
}

// Titles come from the server in the reader's language.
watch(
  () => i18n.global.locale.value,
  () => {
    whole.clear()
    if (!rows.value) return
    asked = null
    void ask().catch(() => undefined)
  },
)

/** Declared types of cases: asked for once, shared by all pages. */
export function useTypes(): {
  rows: ShallowRef<CaseTypeRow[] | null>
  title: (code: string) => string
  state: (type: string, state: string) => string
} {
  void ask().catch(() => undefined)
  const row = (code: string): CaseTypeRow | undefined => rows.value?.find((r) => r.code === code)
  return {
    rows,
    title: (code) => row(code)?.title ?? code,
    state: (type, state) => row(type)?.states.find((s) => s.code === state)?.title ?? state,
  }
}

/** One type with its forms, clocks and drawing. */
export function caseType(code: string): Promise<CaseType> {
  let found = whole.get(code)
  if (!found) {
    found = api.get<CaseType>(`/case-types/${encodeURIComponent(code)}`)
    found.catch(() => whole.delete(code))
    whole.set(code, found)
  }
  return found
}
