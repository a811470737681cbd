import { defineStore } from 'pinia'
import { ref, watch } from 'vue'

/** What this browser remembers of its user: theme of operator pages, sound, flat map. */
export const usePreferences = defineStore('preferences', () => {
  const read = (key: string): string | null => localStorage.getItem(`parksight.${key}`)
  const theme = ref<'light' | 'dark'>(read('theme') === 'light' ? 'light' : 'dark')
  const muted = ref(read('muted') === 'yes')
  /** null: decided by the renderer (flat where WebGL is computed in software). */
  const flatMap = ref<boolean | null>(read('flat') === null ? null : read('flat') === 'yes')
  const keep = (key: string, value: string): void => localStorage.setItem(`parksight.${key}`, value)
  watch(theme, (v) => keep('theme', v))
  watch(muted, (v) => keep('muted', v ? 'yes' : 'no'))
  watch(flatMap, (v) => v !== null && keep('flat', v ? 'yes' : 'no'))
  return { theme, muted, flatMap }
})
