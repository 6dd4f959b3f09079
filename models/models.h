/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The list of models. src/open.c has them in its table; a new model must be added to both.
 */
#ifndef MODELS_MODELS_H
#define MODELS_MODELS_H

#include <vfmig/model.h>

extern const struct vfmig_model vfmig_model_copier;
extern const struct vfmig_model vfmig_model_lookalike;

#endif
