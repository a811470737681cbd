import { computed, shallowRef, type ComputedRef, type ShallowRef } from 'vue'
import { api } from '@/api/client'
import { language } from '@/i18n'
import type { Vocabulary } from '../types'

const known = shallowRef<Vocabulary | null>(null)
let spoken = ''

/** Quantities with their units, and the class tags in use; read once for a language. */
export function useVocabulary(): {
  vocabulary: ShallowRef<Vocabulary | null>
  /** Class tags with their parents, so that a whole branch can be chosen. */
  kinds: ComputedRef<string[]>
  quantity: (key: string) => string
} {
  if (spoken !== language()) {
    spoken = language()
    api
      .get<Vocabulary>('/points/vocabulary')
      .then((got) => (known.value = got))
      // Without it the lists show keys; the next page asks again.
      .catch(() => (spoken = ''))
  }
  const kinds = computed(() => {
    const all = new Set<string>()
    for (const kind of known.value?.kinds ?? []) {
      const words = kind.split('.')
      words.forEach((_, i) => all.add(words.slice(0, i + 1).join('.')))
    }
    return [...all].sort()
  })
  const labels = computed(() => new Map((known.value?.quantities ?? []).map((q) => [q.key, q.label])))
  return { vocabulary: known, kinds, quantity: (key) => labels.value.get(key) ?? key }
}
