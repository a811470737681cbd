import { readonly, ref, type Ref } from 'vue'

/** The wall is one picture from 1600 × 860 on; below, captions would shrink under 12 px and pages scroll. */
const query = window.matchMedia('(min-width: 1600px) and (min-height: 860px)')
const wide = ref(query.matches)
query.addEventListener('change', (event) => (wide.value = event.matches))

const small = window.matchMedia('(max-width: 760px)')
const phone = ref(small.matches)
small.addEventListener('change', (event) => (phone.value = event.matches))

export const useWide = (): Readonly<Ref<boolean>> => readonly(wide)
export const usePhone = (): Readonly<Ref<boolean>> => readonly(phone)
