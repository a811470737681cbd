import { computed, type ComputedRef } from 'vue'
import { usePhone } from '@/shell/useWide'

/** Width of a drawer: the whole screen on a phone. */
export function useDrawerSize(wide = '44rem'): ComputedRef<string> {
  const phone = usePhone()
  return computed(() => (phone.value ? '100%' : wide))
}
