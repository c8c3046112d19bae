import 'reflect-metadata';
import { Controller, Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { finalize, firstValueFrom, interval, lastValueFrom, map, type Observable, take, toArray } from 'rxjs';
import { BusbarClient } from './busbar-client.ts';
import { type BusbarContext, BusbarServer } from './busbar-server.ts';

const path = process.argv[2] ?? 'nest.sock';

@Controller()
class Orders {
  @MessagePattern({ cmd: 'total' })
  total(@Payload() { price, count }: { price: number; count: number }): number {
    if (count < 1) throw new RpcException({ code: 'NO_ITEMS', count });
    return price * count;
  }

  @MessagePattern('countdown')
  countdown(@Payload() from: number): Observable<number> {
    return interval(5).pipe(
      map((step) => from - step),
      finalize(() => console.log('countdown: stopped')),
    );
  }

  @EventPattern('placed')
  placed(@Payload() order: { number: number }, @Ctx() { connection }: BusbarContext): void {
    console.log(`placed: ${order.number}, over ${connection?.linkKind}`);
  }
}

@Injectable()
class Shop {
  readonly orders: BusbarClient;

  constructor(@Inject('ORDERS') orders: BusbarClient) {
    this.orders = orders;
  }
}

@Module({ controllers: [Orders] })
class OrdersModule {}

@Module({
  imports: [ClientsModule.register([{ name: 'ORDERS', customClass: BusbarClient, options: { path } }])],
  providers: [Shop],
})
class ShopModule {}

// Usually two processes.
const service = await NestFactory.createMicroservice(OrdersModule, {
  strategy: new BusbarServer({ path }),
  logger: ['error', 'warn'],
});
await service.listen();

const application = await NestFactory.createApplicationContext(ShopModule, { logger: ['error', 'warn'] });
const { orders } = application.get(Shop);
console.log('total:', await firstValueFrom(orders.send({ cmd: 'total' }, { price: 4, count: 3 })));
await firstValueFrom(orders.send({ cmd: 'total' }, { price: 4, count: 0 })).catch((error: unknown) =>
  console.log('failed:', JSON.stringify(error)),
);
console.log('countdown:', await lastValueFrom(orders.send('countdown', 3).pipe(take(3), toArray())));
await lastValueFrom(orders.emit('placed', { number: 7 }), { defaultValue: undefined });
await firstValueFrom(orders.send('nothing', {})).catch(({ message }: Error) => console.log('failed:', message));

// A link that breaks: the session goes on.
orders.unwrap<{ connection: { destroy(): void } }>().connection.destroy();
console.log('total:', await firstValueFrom(orders.send({ cmd: 'total' }, { price: 5, count: 5 })));

await application.close();
await orders.close();
await service.close();
