"""What CARLA's sensors measure, as plain functions of poses, motions, pictures and rays.

Nothing here knows sockets or the wire's headers: `sim.server` listens to these models and packs what they return. Each
model that draws random numbers is given its generator, so that a seed decides every measurement.
"""
