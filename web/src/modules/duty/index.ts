import type { WebModule } from '@/module'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'

const duty: WebModule = {
  name: 'duty',
  routes: [
    {
      path: '/duty/:tab(log|rota|absences|handovers)?',
      name: 'duty',
      component: () => import('./DutyPage.vue'),
      meta: { permission: 'duty.desk.read', title: 'duty.nav' },
    },
    {
      path: '/duty/handovers/:id(\\d+)',
      name: 'handover',
      component: () => import('./HandoverPage.vue'),
      meta: { permission: 'duty.handover.read', title: 'duty.handover' },
    },
  ],
  nav: [{ route: 'duty', label: 'duty.nav', permission: 'duty.desk.read', order: 27, group: 'main' }],
  locales: { 'zh-CN': zh, en },
}
export default duty
