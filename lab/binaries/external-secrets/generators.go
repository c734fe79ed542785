// Takes the place of pkg/generator/register/register.go: the lab uses no generators, and theirs pull in the clouds.
package register
